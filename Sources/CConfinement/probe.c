// What a confined process should not be able to do, tried.
#define _GNU_SOURCE
#include "CConfinement.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int result_of(int descriptor) {
    if (descriptor < 0) return errno;
    close(descriptor);
    return 0;
}

int CConfinement_try(CConfinement_probe probe) {
    // One descriptor less, so that nothing fails for want of a place alone.
    close(STDERR_FILENO);
    errno = 0;
    switch (probe) {
    case CConfinement_probe_open_file:
        return result_of(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
    case CConfinement_probe_create_file:
        return result_of(open("/tmp", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
    case CConfinement_probe_list_folder: {
        DIR *folder = opendir("/");
        if (folder == NULL) return errno;
        closedir(folder);
        return 0;
    }
    case CConfinement_probe_open_socket:
        return result_of(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    case CConfinement_probe_start_process: {
        const pid_t child = fork();
        if (child < 0) return errno;
        if (child == 0) _exit(0);
        waitpid(child, NULL, 0);
        return 0;
    }
    case CConfinement_probe_start_program: {
        char *const arguments[] = {"/bin/true", NULL}, *const environment[] = {NULL};
        execve(arguments[0], arguments, environment);
        return errno;
    }
    case CConfinement_probe_signal_others:
        return kill(getppid(), 0) == 0 ? 0 : errno;
    case CConfinement_probe_make_code: {
        void *const page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED) return errno;
        const int error = mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0 ? 0 : errno;
        munmap(page, 4096);
        return error;
    }
    case CConfinement_probe_raise_limits: {
        const struct rlimit none = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
        return setrlimit(RLIMIT_CPU, &none) == 0 ? 0 : errno;
    }
    case CConfinement_probe_trace:
        return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : errno;
    }
    return EINVAL;
}

int CConfinement_exhaust_stack(int depth) {
    volatile char room[1024];
    room[0] = (char)depth;
    return depth == 0 ? 0 : CConfinement_exhaust_stack(depth + 1) + room[0];
}
