/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/rights/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* By what needs them. Names that an architecture lacks are skipped. */
static const char *const allowed[] = {
    /* files: state, logs, recordings, statistics, /sys and /proc, devices that come back */
    "read",
    "readv",
    "pread64",
    "write",
    "writev",
    "pwrite64",
    "open",
    "openat",
    "close",
    "lseek",
    "_llseek",
    "stat",
    "stat64",
    "lstat",
    "lstat64",
    "fstat",
    "fstat64",
    "newfstatat",
    "fstatat64",
    "statx",
    "statfs",
    "statfs64",
    "fstatfs",
    "fstatfs64",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getdents",
    "getdents64",
    "getcwd",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "mkdir",
    "mkdirat",
    "chmod",
    "fchmod",
    "fchmodat",
    "umask",
    "ftruncate",
    "ftruncate64",
    "fsync",
    "fdatasync",
    "fcntl",
    "fcntl64",
    "flock",
    "dup",
    "dup2",
    "dup3",
    "pipe",
    "pipe2",
    /* waiting */
    "poll",
    "ppoll",
    "ppoll_time64",
    "select",
    "_newselect",
    "pselect6",
    "pselect6_time64",
    "eventfd2",
    "signalfd4",
    "nanosleep",
    "clock_nanosleep",
    "clock_nanosleep_time64",
    "restart_syscall",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    /* the network, and Unix sockets */
    "socketpair",
    "bind",
    "listen",
    "connect",
    "accept",
    "accept4",
    "getsockname",
    "getpeername",
    "getsockopt",
    "setsockopt",
    "send",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "recv",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "recvmmsg_time64",
    "shutdown",
    /* clocks */
    "clock_gettime",
    "clock_gettime64",
    "clock_getres",
    "clock_getres_time64",
    "clock_settime",
    "clock_settime64",
    "clock_adjtime",
    "clock_adjtime64",
    "adjtimex",
    "gettimeofday",
    "time",
    /* memory */
    "brk",
    "mmap2",
    "munmap",
    "mremap",
    "madvise",
    "mlock",
    "mlock2",
    "mlockall",
    "munlock",
    "shmget",
    "shmat",
    "shmdt",
    "shmctl",
    /* threads and the process itself */
    "exit",
    "exit_group",
    "futex",
    "futex_time64",
    "set_robust_list",
    "rseq",
    "set_tid_address",
    "gettid",
    "getpid",
    "getppid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getresuid",
    "getresgid",
    "getgroups",
    "tgkill",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "sigreturn",
    "sigaltstack",
    "sched_yield",
    "sched_getaffinity",
    "sched_setaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "getrandom",
    "getrusage",
    "uname",
    "sysinfo",
    "prlimit64",
    "getrlimit",
    "ugetrlimit",
    "prctl",
    "arch_prctl",
    "membarrier",
};

/* What nobody who serves time does. */
static const char *const deadly[] = {
    "execve",
    "execveat",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "init_module",
    "setns",
    "unshare",
    "finit_module",
    "kexec_load",
    "bpf",
    "keyctl",
    "add_key",
    "request_key",
    "perf_event_open",
    "userfaultfd",
    "reboot",
    "swapon",
    "process_madvise",
    "open_by_handle_at",
    "kexec_file_load",
};

/* A call that some arguments make allowed; a row each of an argument's value under a mask. */
static const struct {
    const char *name;
    unsigned argument;
    enum scmp_compare compare;
    scmp_datum_t a, b;
} partly[] = {
    {"socket", 0, SCMP_CMP_EQ, AF_UNIX, 0},
    {"socket", 0, SCMP_CMP_EQ, AF_INET, 0},
    {"socket", 0, SCMP_CMP_EQ, AF_INET6, 0},
    {"socket", 0, SCMP_CMP_EQ, AF_NETLINK, 0},
    /* threads, not processes */
    {"clone", 0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD},
    /* no memory that can be written and run */
    {"mmap", 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0},
    {"mprotect", 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0},
    /* all but putting words into a terminal's mouth */
    {"ioctl", 1, SCMP_CMP_NE, TIOCSTI, 0},
};

static int add(scmp_filter_ctx f, uint32_t action, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);
        int bad = number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(f, action, number, 0);
        if (bad && bad != -EDOM) /* the architecture has no such call */
            return bad;
    }
    return 0;
}

static int add_partly(scmp_filter_ctx f)
{
    for (size_t i = 0; i < sizeof partly / sizeof *partly; i++) {
        int number = seccomp_syscall_resolve_name(partly[i].name);
        struct scmp_arg_cmp compare = {.arg = partly[i].argument,
                                       .op = partly[i].compare,
                                       .datum_a = partly[i].a,
                                       .datum_b = partly[i].b};
        int bad = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, number, 1, &compare);
        if (bad)
            return bad;
    }
    return 0;
}

static int fill(scmp_filter_ctx f, enum sandbox how)
{
    /* clone3()'s flags lie in memory, where no filter sees them; refused, the C library takes
     * clone(). A rule that says what holds anyhow is an error to libseccomp. */
    int bad = how == SANDBOX_STRICT
                  ? seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0)
                  : 0;
    if (!bad)
        bad = add(f, SCMP_ACT_ALLOW, allowed, sizeof allowed / sizeof *allowed);
    if (!bad)
        bad = add_partly(f);
    if (!bad && how == SANDBOX_ON)
        bad = add(f, SCMP_ACT_KILL_PROCESS, deadly, sizeof deadly / sizeof *deadly);
    if (!bad)
        bad = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
    return bad ? bad : seccomp_load(f);
}

int sandbox_enter(enum sandbox how, struct err *err)
{
    if (how == SANDBOX_OFF)
        return 0;
    scmp_filter_ctx f =
        seccomp_init(how == SANDBOX_STRICT ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(ENOSYS));
    int bad = f ? fill(f, how) : -ENOMEM;
    seccomp_release(f);
    return bad ? err_errno(err, "sandbox", "set `sandbox off`", "loading the filter", -bad) : 0;
}
