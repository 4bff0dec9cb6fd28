import Foundation
import Synchronization

/// Runs PostgreSQL's programs to their end. Blocks; never called on the cooperative pool.
///
/// By `posix_spawn` and not `Foundation.Process`, which hands the program a socket and takes it to run for as long as
/// anybody holds that socket: with `pg_ctl start`, for as long as the server runs.
enum ServerProcess {
    struct Outcome {
        /// The exit status; 128 and the signal's number where a signal ended the program.
        let status: Int32
        /// What the program wrote to standard output and standard error.
        let output: String
    }

    /// Runs a program with nothing of this process's environment or open files.
    ///
    /// - Parameters:
    ///   - account: the user to run as, where that is another than this process's; nil for this process's.
    ///   - folder: the working folder, in which relative paths count.
    ///   - input: lines for standard input, at most a few kilobytes.
    static func run(
        _ program: String, _ arguments: [String], as account: ServerAccount?, in folder: String,
        environment: [String: String] = [:], input: String = ""
    ) throws -> Outcome {
        // GNU's env enters the working folder: posix_spawn has no portable way to.
        var command = [program] + arguments
        if let account, account.userID != geteuid() {
            // setpriv is in util-linux, which every Debian has; unlike su it starts no session.
            command =
                ["/usr/bin/setpriv", "--reuid=\(account.userID)", "--regid=\(account.groupID)", "--init-groups", "--"]
                + command
        }
        command = ["/usr/bin/env", "--chdir=\(folder)"] + command
        let variables = ["PATH": "/usr/bin:/bin", "LC_ALL": "C"].merging(environment) { $1 }.map { "\($0)=\($1)" }
        // One at a time, so that no pipe comes into being while another thread's list of open files is taken.
        let (child, standardInput, output) = try spawning.withLock { _ in
            let (standardInput, output) = (try PipeEnds(), try PipeEnds())
            // Written before the program runs: the pipe holds it, and a program that dies early can't break it.
            try standardInput.writing.write(contentsOf: Data(input.utf8))
            let child = try spawn(
                command, variables, input: standardInput.reading.fileDescriptor,
                output: output.writing.fileDescriptor)
            return (child, standardInput, output)
        }
        try standardInput.writing.close()
        try output.writing.close()
        let bytes = try output.reading.readToEnd() ?? Data()
        return Outcome(status: wait(for: child), output: String(decoding: bytes, as: UTF8.self))
    }

    private static let spawning = Mutex(())

    private static func spawn(
        _ command: [String], _ environment: [String], input: Int32, output: Int32
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)
        // The server lives on: it must not hold files of this process open. One of the numbers is that of the listing
        // itself, which is closed by now; closing it once more does no harm.
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            guard let descriptor = Int32(name), descriptor > STDERR_FILENO else { continue }
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }

        let arguments = command.map { strdup($0) } + [nil]
        let variables = environment.map { strdup($0) } + [nil]
        defer { (arguments + variables).forEach { free($0) } }
        var child: pid_t = 0
        let failure = posix_spawn(&child, command[0], &actions, nil, arguments, variables)
        guard failure == 0 else {
            throw PrivateClusterError(
                .failed, "\(command[0]) could not be run: \(String(cString: strerror(failure)))")
        }
        return child
    }

    private static func wait(for child: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else { return -1 }
        }
        // wait(2): the low seven bits are the signal that ended the program, the next byte its exit status.
        let signal = status & 0x7F
        return signal == 0 ? status >> 8 & 0xFF : 128 + signal
    }
}

/// The two ends of a pipe, closed with this value.
private struct PipeEnds {
    let reading: FileHandle
    let writing: FileHandle

    init() throws {
        var ends: [Int32] = [0, 0]
        // Not for programs that other threads start meanwhile: one that runs on would keep the writing end open.
        guard pipe(&ends) == 0, ends.allSatisfy({ fcntl($0, F_SETFD, FD_CLOEXEC) == 0 }) else {
            throw PrivateClusterError(.failed, "no pipe could be made: \(String(cString: strerror(errno)))")
        }
        reading = FileHandle(fileDescriptor: ends[0], closeOnDealloc: true)
        writing = FileHandle(fileDescriptor: ends[1], closeOnDealloc: true)
    }
}

/// An exclusive lock on a file, held until this value goes away.
final class FileLock {
    private let descriptor: Int32

    /// Waits for the lock; the file is made where it is absent. Blocks.
    init(_ path: String) throws {
        descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw PrivateClusterError(.unusableFolder, "\(path) can't be opened: \(String(cString: strerror(errno)))")
        }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else {
                let reason = String(cString: strerror(errno))
                close(descriptor)
                throw PrivateClusterError(.unusableFolder, "\(path) can't be locked: \(reason)")
            }
        }
    }

    deinit {
        close(descriptor)
    }
}
