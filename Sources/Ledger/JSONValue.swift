/// A JSON value of the I-JSON subset (RFC 7493): what RFC 8785 gives one form.
///
/// Entries hold no real numbers: those that matter are decimal strings (``DecimalText``).
public enum JSONValue: Sendable {
    case null
    case bool(Bool)
    /// An integer of at most 53 bits, which every JSON implementation reads exactly.
    case integer(Int64)
    /// Any other finite number.
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// The largest magnitude of an integer that a double holds with all smaller ones: 2⁵³ − 1.
    static let largestInteger: Int64 = 1 << 53 - 1
}

extension JSONValue: Equatable {
    /// Whether both have the same canonical bytes. Strings are compared by code point: Swift's own comparison takes a
    /// composed and a decomposed letter for equal, a digest does not.
    public static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.integer(let a), .integer(let b)): a == b
        case (.number(let a), .number(let b)): a == b
        case (.integer(let a), .number(let b)), (.number(let b), .integer(let a)): Double(a) == b
        case (.string(let a), .string(let b)): a.utf8.elementsEqual(b.utf8)
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a == b
        default: false
        }
    }
}

/// A JSON object: members in the order of RFC 8785, no two of one name.
public struct JSONObject: Sendable, Equatable {
    /// A name and its value.
    public struct Member: Sendable, Equatable {
        /// Unescaped, as it is compared.
        public var name: String
        /// What the name stands for.
        public var value: JSONValue

        /// Equal by code point, not by canonical equivalence.
        public static func == (left: Member, right: Member) -> Bool {
            left.name.utf8.elementsEqual(right.name.utf8) && left.value == right.value
        }
    }

    /// The members, sorted by the UTF-16 code units of their names.
    public private(set) var members: [Member] = []

    /// The object without members.
    public init() {}

    /// The object of unsorted members; nil where two have one name.
    init?(unsorted members: [Member]) {
        self.members = members
        self.members.sort { UTF16Order.precedes($0.name.utf8, $1.name.utf8) }
        for (left, right) in zip(self.members, self.members.dropFirst())
        where left.name.utf8.elementsEqual(right.name.utf8) { return nil }
    }

    /// The value of the member called `name`; setting nil removes it.
    public subscript(name: String) -> JSONValue? {
        get {
            let index = position(of: name)
            return holds(name, at: index) ? members[index].value : nil
        }
        set {
            let index = position(of: name)
            switch (holds(name, at: index), newValue) {
            case (true, let value?): members[index].value = value
            case (true, nil): members.remove(at: index)
            case (false, let value?): members.insert(Member(name: name, value: value), at: index)
            case (false, nil): break
            }
        }
    }

    /// Where the member called `name` is, or would be.
    private func position(of name: String) -> Int {
        var low = 0
        var high = members.count
        while low < high {
            let middle = (low + high) / 2
            if UTF16Order.precedes(members[middle].name.utf8, name.utf8) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func holds(_ name: String, at index: Int) -> Bool {
        index < members.count && members[index].name.utf8.elementsEqual(name.utf8)
    }
}

/// The order of names in canonical JSON: by UTF-16 code unit (RFC 8785, section 3.2.3), computed on UTF-8.
///
/// UTF-8 sorts by code point, which differs in one place: U+E000…U+FFFF (first byte EE or EF) come after the characters
/// that UTF-16 writes as surrogates (F0…F4). Exchanging the ranks of those first bytes gives the order of UTF-16.
enum UTF16Order {
    static func precedes(_ left: some Sequence<UInt8>, _ right: some Sequence<UInt8>) -> Bool {
        left.lexicographicallyPrecedes(right) { rank($0) < rank($1) }
    }

    @inline(__always) static func rank(_ byte: UInt8) -> UInt8 {
        byte < 0xEE ? byte : byte < 0xF0 ? byte + 0x10 : byte - 2
    }
}
