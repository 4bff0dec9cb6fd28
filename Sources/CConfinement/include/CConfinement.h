// What it takes to decode untrusted bytes in a process of their own (Linux): starting that process with nothing but two
// descriptors, shared memory to hand it bytes, the limits it puts on itself, and probes of what it still can do.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// The descriptors that a decoder finds open at its start: a stream socket for messages, and the shared memory.
static const int CConfinement_socket = 3, CConfinement_memory = 4;

// MARK: The side that starts a decoder

/// Starts `path` without arguments, with `environment` (null-terminated), in a process group of its own, with
/// /dev/null for standard input, output and error, the two descriptors at their places, and no others. Returns 0, or an
/// errno.
int CConfinement_spawn(const char *path, char *const environment[], int socket, int memory, pid_t *process);

/// Anonymous shared memory without a name in any file system, which can grow and never shrink: whoever maps it can't be
/// given a bus error. Returns a descriptor that is closed on exec, or -1 with errno set.
int CConfinement_create_memory(void);

/// A connected pair of stream sockets, closed on exec. Returns 0, or an errno.
int CConfinement_socket_pair(int sockets[2]);

/// Lets `process` use `seconds` more of processor time than it has used; beyond, the kernel ends it by SIGXCPU. Returns
/// 0, or an errno.
int CConfinement_allow_processor_time(pid_t process, unsigned seconds);


/// Sends all bytes. Returns 0, or an errno; a peer that is gone gives EPIPE and no signal.
int CConfinement_send(int socket, const void *bytes, size_t count);

/// Receives exactly `count` bytes, waiting until `deadline` (CLOCK_MONOTONIC nanoseconds; negative: for ever). Returns
/// 0, or an errno: ETIMEDOUT, or ECONNRESET where the peer is gone.
int CConfinement_receive(int socket, void *bytes, size_t count, int64_t deadline);

/// CLOCK_MONOTONIC in nanoseconds.
int64_t CConfinement_now(void);

// MARK: The side that decodes

/// What a process has been confined by.
typedef enum CConfinement_measure {
    /// Address space, processor time, files' size, descriptors, core dumps (setrlimit).
    CConfinement_limits = 1 << 0,
    /// No privileges by exec, no core dumps, no tracing by others (prctl).
    CConfinement_privileges = 1 << 1,
    /// No file of any file system (Landlock).
    CConfinement_files = 1 << 2,
    /// Only the system calls that decoding needs (seccomp).
    CConfinement_system_calls = 1 << 3,
} CConfinement_measure;

/// Confines the calling process for good, and tells which measures hold (CConfinement_measure, or'ed). A measure that
/// the kernel does not have is left out and the rest applied. The process must have one thread.
unsigned CConfinement_apply(uint64_t address_space);

/// What a confined process should not be able to do.
typedef enum CConfinement_probe {
    CConfinement_probe_open_file,
    CConfinement_probe_create_file,
    CConfinement_probe_list_folder,
    CConfinement_probe_open_socket,
    CConfinement_probe_start_process,
    CConfinement_probe_start_program,
    CConfinement_probe_signal_others,
    CConfinement_probe_make_code,
    CConfinement_probe_raise_limits,
    CConfinement_probe_trace,
} CConfinement_probe;

/// Tries one of them. Returns 0 where it succeeded, which it should not, or the errno it failed with.
int CConfinement_try(CConfinement_probe probe);

/// Calls itself until there is no stack left.
int CConfinement_exhaust_stack(int depth);
