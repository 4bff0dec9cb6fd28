import Foundation
import TestSupport

@testable import Imaging

/// Files made once with Pillow 13.0.0 and the PyTorch reference, and kept with the tests.
enum Fixtures {
    static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: url(name)))
    }

    static func json<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: Data(contentsOf: url(name)))
    }

    private static func url(_ name: String) -> URL {
        Repository.root.appendingPathComponent("Tests/ImagingTests/Fixtures").appendingPathComponent(name)
    }
}

/// The code of the imaging error that `body` throws; nil where it throws another one or none.
func errorCode(_ body: () throws -> some Any) -> ImagingError.Code? {
    do {
        _ = try body()
        return nil
    } catch { return (error as? ImagingError)?.code }
}
