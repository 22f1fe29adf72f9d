import Testing

@testable import Gateway

@Suite struct ConfigurationCoresTests {
    private func cores(_ affinity: Int, _ files: [String: String]) -> Int {
        UsableCores.count(affinity: affinity) { files[$0] }
    }

    @Test func withoutControlGroups() {
        #expect(cores(4, [:]) == 4)
        #expect(cores(0, [:]) == 1)
        #expect(cores(4, ["/proc/self/cgroup": ""]) == 4)
        #expect(cores(4, ["/proc/self/cgroup": "0::/a\n"]) == 4)
    }

    @Test(arguments: [
        ("max 100000\n", 8), ("100000 100000\n", 1), ("150000 100000\n", 2), ("10000 100000\n", 1),
        ("200001 100000\n", 3), ("1600000 100000\n", 8), ("50000 50000", 1), ("", 8), ("x y\n", 8), ("0 100000\n", 8),
        ("100000 0\n", 8),
    ])
    func version2InANamespace(cpuMax: String, expected: Int) {
        #expect(cores(8, ["/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": cpuMax]) == expected)
    }

    @Test func version2TakesTheLeastOfTheParents() {
        let files = [
            "/proc/self/cgroup": "0::/kubepods/pod1/app:1\n",
            "/sys/fs/cgroup/kubepods/cpu.max": "600000 100000\n",
            "/sys/fs/cgroup/kubepods/pod1/cpu.max": "300000 100000\n",
            "/sys/fs/cgroup/kubepods/pod1/app:1/cpu.max": "max 100000\n",
        ]
        #expect(cores(8, files) == 3)
        #expect(cores(2, files) == 2)
    }

    @Test func version2WithThePathOfTheHost() {
        // Without a cgroup namespace the path is the host's, and the container's own group is mounted at the root.
        #expect(
            cores(8, ["/proc/self/cgroup": "0::/docker/abc\n", "/sys/fs/cgroup/cpu.max": "200000 100000\n"]) == 2)
    }

    @Test func version1() {
        var files = [
            "/proc/self/cgroup": "5:memory:/a\n4:cpu,cpuacct:/docker/abc\n0::/x\n",
            "/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us": "250000\n",
            "/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us": "100000\n",
        ]
        #expect(cores(8, files) == 3)
        files["/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us"] = "-1\n"
        #expect(cores(8, files) == 8)
        files["/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us"] = "100000\n"
        files["/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us"] = "100000\n"
        #expect(cores(8, files) == 1)
        files["/sys/fs/cgroup/unified/x/cpu.max"] = "400000 100000\n"
        files["/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us"] = "-1\n"
        #expect(cores(8, files) == 4)
    }

    @Test func ancestry() {
        #expect(UsableCores.ancestry("/") == [""])
        #expect(UsableCores.ancestry("/a/b") == ["/a/b", "/a", ""])
        #expect(UsableCores.ancestry("") == [""])
    }
}
