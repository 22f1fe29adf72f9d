#include "CLinux.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int clinux_accept(int listener) {
    return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int clinux_socket(int family, int type) {
    return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int clinux_bind(int descriptor, const void *address, uint32_t length) {
    return bind(descriptor, (const struct sockaddr *)address, (socklen_t)length);
}

int clinux_connect(int descriptor, const void *address, uint32_t length) {
    return connect(descriptor, (const struct sockaddr *)address, (socklen_t)length);
}

uint32_t clinux_local_address(int descriptor, void *address, uint32_t capacity) {
    socklen_t length = capacity;
    return getsockname(descriptor, (struct sockaddr *)address, &length) == 0 ? length : 0;
}

uint32_t clinux_peer_address(int descriptor, void *address, uint32_t capacity) {
    socklen_t length = capacity;
    return getpeername(descriptor, (struct sockaddr *)address, &length) == 0 ? length : 0;
}

int clinux_socket_error(int descriptor) {
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

int clinux_set_option(int descriptor, int level, int name, int value) {
    return setsockopt(descriptor, level, name, &value, sizeof value);
}

int clinux_affinity_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

void clinux_set_thread_name(const char *name) {
    pthread_setname_np(pthread_self(), name);
}

int clinux_try_join(pthread_t thread) {
    return pthread_tryjoin_np(thread, NULL);
}

void *clinux_mirror_map(size_t size) {
    int file = memfd_create("ring", MFD_CLOEXEC);
    if (file < 0) return NULL;
    void *memory = MAP_FAILED;
    if (ftruncate(file, (off_t)size) == 0)
        memory = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) {
        void *second = (char *)memory + size;
        if (mmap(memory, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) == MAP_FAILED ||
            mmap(second, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) == MAP_FAILED) {
            int error = errno;
            munmap(memory, 2 * size);
            errno = error;
            memory = MAP_FAILED;
        }
    }
    int error = errno;
    close(file);
    errno = error;
    return memory == MAP_FAILED ? NULL : memory;
}

void clinux_mirror_unmap(void *memory, size_t size) {
    munmap(memory, 2 * size);
}

static sigset_t handled(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    return set;
}

void clinux_block_signals(void) {
    sigset_t set = handled();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int clinux_signalfd(void) {
    sigset_t set = handled();
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

uint64_t clinux_raise_open_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return (uint64_t)limit.rlim_cur;
}

int clinux_timerfd(void) {
    return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
}

void clinux_timerfd_set(int descriptor, int64_t nanoseconds) {
    // Zero would disarm it; an instant that has passed expires at once.
    if (nanoseconds < 1) nanoseconds = 1;
    struct itimerspec at = {.it_value = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000}};
    timerfd_settime(descriptor, TFD_TIMER_ABSTIME, &at, NULL);
}

int64_t clinux_thread_cpu_time(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}
