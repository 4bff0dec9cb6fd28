// Starting a decoder, and talking to it.
#define _GNU_SOURCE
#include "CConfinement.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int CConfinement_spawn(const char *path, char *const environment[], int socket, int memory, pid_t *process) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    // Out of the way of the places where they go, since one may lie where the other belongs.
    const int high_socket = fcntl(socket, F_DUPFD_CLOEXEC, 16), high_memory = fcntl(memory, F_DUPFD_CLOEXEC, 16);
    int error = high_socket < 0 || high_memory < 0 ? errno : posix_spawn_file_actions_init(&actions);
    if (error == 0) {
        error = posix_spawnattr_init(&attributes);
        if (error == 0) {
            sigset_t none, all;
            sigemptyset(&none);
            sigfillset(&all);
            // A group of its own: an interrupt from the terminal is for the program, which then ends its decoders.
            error = posix_spawnattr_setflags(
                &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
            if (error == 0) error = posix_spawnattr_setpgroup(&attributes, 0);
            if (error == 0) error = posix_spawnattr_setsigmask(&attributes, &none);
            if (error == 0) error = posix_spawnattr_setsigdefault(&attributes, &all);
            for (int descriptor = 0; descriptor < 3 && error == 0; ++descriptor)
                error = posix_spawn_file_actions_addopen(
                    &actions, descriptor, "/dev/null", descriptor == 0 ? O_RDONLY : O_WRONLY, 0);
            if (error == 0) error = posix_spawn_file_actions_adddup2(&actions, high_socket, CConfinement_socket);
            if (error == 0) error = posix_spawn_file_actions_adddup2(&actions, high_memory, CConfinement_memory);
            if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(&actions, CConfinement_memory + 1);
            char *const arguments[] = {(char *)path, NULL};
            if (error == 0) error = posix_spawn(process, path, &actions, &attributes, arguments, environment);
            posix_spawnattr_destroy(&attributes);
        }
        posix_spawn_file_actions_destroy(&actions);
    }
    if (high_socket >= 0) close(high_socket);
    if (high_memory >= 0) close(high_memory);
    return error;
}

int CConfinement_create_memory(void) {
    const int descriptor = memfd_create("longview", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor >= 0 && fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK) != 0) {
        const int error = errno;
        close(descriptor);
        errno = error;
        return -1;
    }
    return descriptor;
}

int CConfinement_socket_pair(int sockets[2]) {
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0 ? 0 : errno;
}

int CConfinement_allow_processor_time(pid_t process, unsigned seconds) {
    clockid_t clock;
    struct timespec used;
    struct rlimit limit;
    const int error = clock_getcpuclockid(process, &clock);
    if (error != 0) return error;
    if (clock_gettime(clock, &used) != 0) return errno;
    if (prlimit(process, RLIMIT_CPU, NULL, &limit) != 0) return errno;
    // Only the soft limit, which can be raised again for the next object. The decoder itself can't: setting limits is
    // not among its system calls.
    limit.rlim_cur = (rlim_t)used.tv_sec + 1 + seconds;
    return prlimit(process, RLIMIT_CPU, &limit, NULL) == 0 ? 0 : errno;
}

int64_t CConfinement_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int CConfinement_send(int socket, const void *bytes, size_t count) {
    const char *next = bytes;
    while (count > 0) {
        const ssize_t sent = send(socket, next, count, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR) continue;
            return errno;
        }
        next += sent;
        count -= (size_t)sent;
    }
    return 0;
}

int CConfinement_receive(int socket, void *bytes, size_t count, int64_t deadline) {
    char *next = bytes;
    while (count > 0) {
        if (deadline >= 0) {
            const int64_t left = deadline - CConfinement_now();
            if (left <= 0) return ETIMEDOUT;
            const int64_t milliseconds = left / 1000000 + 1;
            struct pollfd wanted = {.fd = socket, .events = POLLIN};
            const int ready = poll(&wanted, 1, milliseconds < 60000 ? (int)milliseconds : 60000);
            if (ready < 0 && errno != EINTR) return errno;
            if (ready <= 0) continue;
        }
        const ssize_t got = recv(socket, next, count, 0);
        if (got < 0) {
            if (errno == EINTR) continue;
            return errno;
        }
        if (got == 0) return ECONNRESET;
        next += got;
        count -= (size_t)got;
    }
    return 0;
}
