/// Why there is no decoder to give an object to. Not the object's fault, so nothing is refused.
public struct DecoderError: Error, Sendable, CustomStringConvertible {
    /// What went wrong, stable for programs.
    public enum Code: String, Sendable {
        /// The decoder's program is not there, or can't be started.
        case notStarted = "decoder_not_started"
        /// It started and reports that the installation is broken.
        case installationBroken = "installation_broken"
        /// The kernel lacks a measure of confinement, and all were required.
        case notConfined = "decoder_not_confined"
        /// Somebody else ended it, twice: the machine's memory is exhausted, or an administrator did.
        case killed = "decoder_killed"
        /// Memory for the object's bytes could not be had.
        case outOfMemory = "out_of_memory"
    }

    /// What went wrong.
    public let code: Code
    /// In words, with what to do.
    public let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}

/// How a decoder process ended before it had answered: what one object did to it, or somebody else.
enum DecoderFailure: Error {
    /// By a signal, or by exiting.
    case crashed(String)
    /// It used up its processor time, or did not answer in time.
    case timedOut
    /// By SIGKILL from elsewhere.
    case killed
    /// It answered something that is no answer.
    case nonsense
}
