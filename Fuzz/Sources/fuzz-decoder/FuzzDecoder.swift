import Decoding

/// What libFuzzer calls with each input: everything that a decoder process does with an object's bytes.
///
/// An object that is read or refused is as it should be. A trap, a wild access, a leak, a hang or an allocation beyond
/// the limits of the run ends it, although in the product it would end a decoder process alone.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDecoder(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    DecoderService.exercise(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}
