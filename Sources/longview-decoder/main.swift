// The process in which untrusted bytes are decoded, under limits. `longview` starts it; it is of no use by itself.
import Decoding

DecoderService.run()
