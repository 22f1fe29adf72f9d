// What Glibc's Swift overlay leaves out: epoll, eventfd, signalfd, and the calls that need _GNU_SOURCE.
// _GNU_SOURCE is defined for CLinux.c only: in a header that Swift imports it changes types of the C library.
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

/// accept4(2) with SOCK_NONBLOCK | SOCK_CLOEXEC. -1 and errno on failure.
int clinux_accept(int listener);

/// socket(2), nonblocking and close-on-exec. -1 and errno on failure.
int clinux_socket(int family, int type);

/// bind(2) and connect(2) without glibc's transparent unions, which Swift cannot call.
int clinux_bind(int descriptor, const void *address, uint32_t length);
int clinux_connect(int descriptor, const void *address, uint32_t length);

/// getsockname(2): writes the address and gives its length; 0 on failure.
uint32_t clinux_local_address(int descriptor, void *address, uint32_t capacity);

/// getpeername(2), likewise.
uint32_t clinux_peer_address(int descriptor, void *address, uint32_t capacity);

/// The error kept on a socket (SO_ERROR), or errno of getsockopt(2).
int clinux_socket_error(int descriptor);

/// setsockopt(2) with an int value. -1 and errno on failure.
int clinux_set_option(int descriptor, int level, int name, int value);

/// How many processors sched_getaffinity(2) allows this process.
int clinux_affinity_count(void);

/// Names the calling thread, as `top -H` shows it: at most 15 bytes.
void clinux_set_thread_name(const char *name);

/// pthread_tryjoin_np(3): 0 when the thread has ended, else EBUSY.
int clinux_try_join(pthread_t thread);

/// `size` bytes of memory mapped twice in a row: byte i is also byte i + size, so every range of a ring is contiguous.
/// `size` must be a multiple of the page size. NULL and errno on failure.
void *clinux_mirror_map(size_t size);
void clinux_mirror_unmap(void *memory, size_t size);

/// A nonblocking timerfd(2) on the monotonic clock.
int clinux_timerfd(void);

/// Sets it to expire once, at `nanoseconds` of the monotonic clock (timerfd_settime(2)).
void clinux_timerfd_set(int descriptor, int64_t nanoseconds);

/// The CPU time that the calling thread has used, in nanoseconds.
int64_t clinux_thread_cpu_time(void);

/// Blocks SIGINT, SIGTERM, SIGHUP for every thread made later and ignores SIGPIPE. Call before any thread exists.
void clinux_block_signals(void);

/// A nonblocking signalfd(2) for SIGINT, SIGTERM and SIGHUP.
int clinux_signalfd(void);

/// Raises the soft limit of open files to the hard limit; the limit in force afterwards.
uint64_t clinux_raise_open_files(void);
