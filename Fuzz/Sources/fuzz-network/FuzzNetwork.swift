import Foundation

/// What libFuzzer calls with each input: one connection to a storage SCP in this process, or of a storage SCU, from its
/// first byte to its end.
///
/// The highest bit of the first byte says which: 0 for what a requestor sends, 1 for what an acceptor answers. Its other
/// bits say in what pieces the bytes after it are sent. A peer that is answered, rejected or aborted is as it should be;
/// so is one that hears nothing, as long as it is let go when it is done.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNetwork(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: start, count: count)
    guard let first = input.first else { return 0 }
    let (bytes, size) = (UnsafeRawBufferPointer(rebasing: input.dropFirst()), Int(first & 0x7F))
    if first & 0x80 == 0 {
        ServerUnderTest.shared.meet(bytes, inPiecesOf: size)
    } else {
        ClientUnderTest.shared.meet(bytes, inPiecesOf: size)
    }
    return 0
}

/// Called once before. With `--seeds=FOLDER` recorded associations are written there, and that is all.
@_cdecl("LLVMFuzzerInitialize")
public func initialise(
    _: UnsafeMutablePointer<CInt>?, _: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>?
) -> CInt {
    guard let flag = CommandLine.arguments.first(where: { $0.hasPrefix("--seeds=") }) else { return 0 }
    do {
        try RecordedAssociations.write(to: URL(filePath: String(flag.dropFirst(8)), directoryHint: .isDirectory))
    } catch {
        fatalError("the seeds can't be written: \(error)")
    }
    exit(0)
}
