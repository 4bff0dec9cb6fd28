// The limits that a decoder puts on itself before it reads the first byte of an object.
#define _GNU_SOURCE
#include "CConfinement.h"

#include <dirent.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool limit(int resource, rlim_t soft, rlim_t hard) {
    const struct rlimit limits = {.rlim_cur = soft, .rlim_max = hard};
    return setrlimit(resource, &limits) == 0;
}

static bool apply_limits(uint64_t address_space) {
    // No descriptor above those that are open: every call that would make one fails.
    const rlim_t descriptors = CConfinement_memory + 1;
    bool all = limit(RLIMIT_AS, address_space, address_space);
    all &= limit(RLIMIT_FSIZE, 0, 0);
    all &= limit(RLIMIT_NOFILE, descriptors, descriptors);
    all &= limit(RLIMIT_CORE, 0, 0);
    all &= limit(RLIMIT_MEMLOCK, 0, 0);
    all &= limit(RLIMIT_MSGQUEUE, 0, 0);
    // Until the first object allows more; the program that started this process sets it anew for each.
    all &= limit(RLIMIT_CPU, 60, RLIM_INFINITY);
    return all;
}

// Landlock and seccomp bind the calling thread and those it starts later, not those that run already.
static bool has_one_thread(void) {
    DIR *const threads = opendir("/proc/self/task");
    if (threads == NULL) return false;
    unsigned count = 0;
    for (const struct dirent *entry; (entry = readdir(threads)) != NULL;) count += entry->d_name[0] != '.';
    closedir(threads);
    return count == 1;
}

// Every right that this Landlock can handle and none granted: nothing in any file system can be opened (ABI 1: the
// first 13; 2: refer; 3: truncate; 5: ioctl of devices).
static bool apply_landlock(void) {
    const long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) return false;
    const uint64_t rights = version >= 5 ? (1ull << 16) - 1
                            : version >= 3 ? (1ull << 15) - 1
                            : version >= 2 ? (1ull << 14) - 1
                                           : (1ull << 13) - 1;
    // The structure has grown since the headers were written; a kernel takes a shorter one.
    const struct { uint64_t handled_access_fs; } attributes = {rights};
    const long ruleset = syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    if (ruleset < 0) return false;
    const bool applied = syscall(SYS_landlock_restrict_self, (int)ruleset, 0) == 0;
    close((int)ruleset);
    return applied;
}

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
// The low half of an argument; both architectures are little endian.
#define ARGUMENT(index) \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + (index) * sizeof(uint64_t))
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, (value))
#define REFUSE(error) ANSWER(SECCOMP_RET_ERRNO | ((error) & SECCOMP_RET_DATA))
#define ALLOW(name) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), ANSWER(SECCOMP_RET_ALLOW)

static bool apply_seccomp(void) {
#ifdef ARCHITECTURE
    const struct sock_filter program[] = {
        LOAD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
        ANSWER(SECCOMP_RET_KILL_PROCESS),
        LOAD(nr),
        // Messages: on descriptors that are open; no new one can be had.
        ALLOW(read), ALLOW(write), ALLOW(recvfrom), ALLOW(sendto), ALLOW(close),
#ifdef SYS_poll
        ALLOW(poll),
#endif
        ALLOW(ppoll),
        // Memory.
        ALLOW(brk), ALLOW(munmap), ALLOW(mremap), ALLOW(madvise),
        // Threads of this process, locks and clocks.
        ALLOW(futex), ALLOW(sched_yield), ALLOW(sched_getaffinity), ALLOW(set_robust_list), ALLOW(rseq), ALLOW(gettid),
        ALLOW(getpid), ALLOW(clock_gettime), ALLOW(clock_nanosleep), ALLOW(nanosleep), ALLOW(getrandom), ALLOW(getcpu),
        ALLOW(membarrier), ALLOW(sysinfo),
        // Signals to itself and its end.
        ALLOW(rt_sigprocmask), ALLOW(rt_sigaction), ALLOW(rt_sigreturn), ALLOW(sigaltstack), ALLOW(exit),
        ALLOW(exit_group), ALLOW(restart_syscall),
        // mmap and mprotect, but never of memory that can be executed.
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 4),
        ARGUMENT(2),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
        REFUSE(EACCES),
        ANSWER(SECCOMP_RET_ALLOW),
        // clone for threads only. The flags of clone3 lie in memory, where a filter can't look: as if the kernel had no
        // clone3, so that the C library uses clone.
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
        REFUSE(ENOSYS),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4),
        ARGUMENT(0),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
        ANSWER(SECCOMP_RET_ALLOW),
        REFUSE(EPERM),
        // tgkill to this process: abort() signals itself.
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 0, 4),
        ARGUMENT(0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)getpid(), 0, 1),
        ANSWER(SECCOMP_RET_ALLOW),
        REFUSE(EPERM),
        // Anything else fails as if forbidden by rights, which libraries that merely try can live with.
        REFUSE(EPERM),
    };
    const struct sock_fprog filter = {.len = sizeof program / sizeof *program, .filter = (struct sock_filter *)program};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
#else
    return false;
#endif
}

unsigned CConfinement_apply(uint64_t address_space) {
    unsigned applied = 0;
    // Before the descriptors run out.
    const bool alone = has_one_thread();
    const bool privileges = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    if (privileges && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0) applied |= CConfinement_privileges;
    if (alone && privileges && apply_landlock()) applied |= CConfinement_files;
    if (apply_limits(address_space)) applied |= CConfinement_limits;
    if (alone && privileges && apply_seccomp()) applied |= CConfinement_system_calls;
    return applied;
}
