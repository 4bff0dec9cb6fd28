/// Reads Python pickles of PyTorch checkpoints without running any of their code.
///
/// A pickle is a program for a stack machine (CPython's Lib/pickletools.py describes its operations), which in Python
/// can call anything. This machine knows the operations that state dictionaries need, refers to the names of
/// ``PickleGlobal`` only, and knows itself what calling those means. Everything else is refused by its name. Memory is
/// bounded by the number of operations, and no length is believed beyond the bytes that are there.
struct PickleMachine {
    /// More than any checkpoint of a network has by far.
    private static let operationLimit = 20_000_000

    private let bytes: UnsafeRawBufferPointer
    /// Where the next operation is; after ``run()``, where the pickle ended.
    private(set) var offset: Int
    private var stack: [PickleValue] = []
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    private(set) var tuples: [[PickleValue]] = []
    private(set) var lists: [[PickleValue]] = []
    /// Every storage that was named.
    private(set) var storages: Set<PickleStorage> = []
    private(set) var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []

    /// A machine for the pickle at `offset` of `bytes`.
    init(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    /// Runs the pickle to its end and returns its value.
    mutating func run() throws(CheckpointError) -> PickleValue {
        for _ in 0..<Self.operationLimit {
            let operation = try byte()
            if operation == UInt8(ascii: ".") {
                guard stack.count == 1, marks.isEmpty else { throw CheckpointError("its pickle ends unfinished") }
                return stack[0]
            }
            try perform(operation)
        }
        throw CheckpointError("its pickle has more operations than any checkpoint")
    }

    /// The entries of a dictionary whose keys are text, in order; nil for any other value.
    func entries(of value: PickleValue) -> [(key: String, value: PickleValue)]? {
        guard case .dictionary(let index) = value else { return nil }
        var entries: [(key: String, value: PickleValue)] = []
        for (key, value) in dictionaries[index] {
            guard case .text(let name) = key else { return nil }
            entries.append((name, value))
        }
        return entries
    }

    private mutating func perform(_ operation: UInt8) throws(CheckpointError) {
        switch operation {
        // Protocol and framing say nothing that matters here.
        case 0x80: offset = try advanced(by: 1)
        case 0x95: offset = try advanced(by: 8)
        case UInt8(ascii: "("): marks.append(stack.count)
        case UInt8(ascii: "0"): _ = try pop()
        case UInt8(ascii: "N"): stack.append(.none)
        case 0x88: stack.append(.bool(true))
        case 0x89: stack.append(.bool(false))
        case UInt8(ascii: "K"): stack.append(.integer(Int(try byte())))
        case UInt8(ascii: "M"): stack.append(.integer(Int(try number(UInt16.self))))
        case UInt8(ascii: "J"): stack.append(.integer(Int(try number(Int32.self))))
        case 0x8A: try longInteger()
        case UInt8(ascii: "G"):
            // The only number that pickles hold big-endian.
            stack.append(.float(Double(bitPattern: UInt64(bigEndian: try number(UInt64.self)))))
        case UInt8(ascii: "X"): try text(count: Int(try number(UInt32.self)))
        case 0x8C: try text(count: Int(try byte()))
        case 0x8D: try text(count: try count64())
        case UInt8(ascii: "U"): try text(count: Int(try byte()))
        case UInt8(ascii: "T"): try text(count: Int(try number(Int32.self)))
        case UInt8(ascii: "C"): stack.append(.bytes(try take(Int(try byte()))))
        case UInt8(ascii: "B"): stack.append(.bytes(try take(Int(try number(UInt32.self)))))
        case UInt8(ascii: ")"): push(tuple: [])
        case 0x85: push(tuple: [try pop()])
        case 0x86:
            let second = try pop()
            push(tuple: [try pop(), second])
        case 0x87:
            let (third, second) = (try pop(), try pop())
            push(tuple: [try pop(), second, third])
        case UInt8(ascii: "t"): push(tuple: try popToMark())
        case UInt8(ascii: "]"):
            lists.append([])
            stack.append(.list(lists.count - 1))
        case UInt8(ascii: "l"):
            lists.append(try popToMark())
            stack.append(.list(lists.count - 1))
        case UInt8(ascii: "}"): pushDictionary()
        case UInt8(ascii: "d"):
            let items = try popToMark()
            pushDictionary()
            try set(items)
        case UInt8(ascii: "a"): try append([try pop()])
        case UInt8(ascii: "e"): try append(try popToMark())
        case UInt8(ascii: "s"):
            let value = try pop()
            try set([try pop(), value])
        case UInt8(ascii: "u"): try set(try popToMark())
        case UInt8(ascii: "q"): memo[Int(try byte())] = try top()
        case UInt8(ascii: "r"): memo[Int(try number(UInt32.self))] = try top()
        case 0x94: memo[memo.count] = try top()
        case UInt8(ascii: "h"): try recall(Int(try byte()))
        case UInt8(ascii: "j"): try recall(Int(try number(UInt32.self)))
        case UInt8(ascii: "c"):
            let module = try line()
            try refer(to: try line(), in: module)
        case 0x93:
            guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
                throw CheckpointError("its pickle refers to a name that is none")
            }
            try refer(to: name, in: module)
        case UInt8(ascii: "R"), 0x81:
            let arguments = try pop()
            try call(try pop(), arguments)
        case UInt8(ascii: "b"):
            // What an OrderedDict has beside its items (PyTorch's _metadata) is of no use here.
            _ = try pop()
            guard case .dictionary = try top() else { throw CheckpointError("its pickle builds an object") }
        case UInt8(ascii: "Q"): try persistent(try pop())
        default:
            throw CheckpointError(
                "its pickle has the operation 0x\(String(operation, radix: 16)), which no checkpoint of a network needs"
            )
        }
    }

    // MARK: Names and calls

    private mutating func refer(to name: String, in module: String) throws(CheckpointError) {
        guard let global = PickleGlobal(module: module, name: name) else {
            throw CheckpointError(
                "its pickle refers to \(Self.printable(module)).\(Self.printable(name)), which is not on the list of what a "
                    + "checkpoint may: don't open it with Python either")
        }
        stack.append(.global(global))
    }

    private mutating func call(_ callee: PickleValue, _ arguments: PickleValue) throws(CheckpointError) {
        guard case .global(let global) = callee, case .tuple(let index) = arguments else {
            throw CheckpointError("its pickle calls what can't be called")
        }
        let arguments = tuples[index]
        switch global {
        case .orderedDictionary:
            guard arguments.isEmpty else { throw CheckpointError("its pickle makes an OrderedDict in an unknown way") }
            pushDictionary()
        case .rebuildTensor:
            guard arguments.count >= 4, case .storage(let storage) = arguments[0],
                case .integer(let offset) = arguments[1], let shape = integers(arguments[2]),
                let strides = integers(arguments[3])
            else { throw CheckpointError("its pickle makes a tensor in an unknown way") }
            stack.append(
                .tensor(try PickleTensor(storage: storage, offset: offset, shape: shape, strides: strides)))
        case .rebuildParameter:
            guard let first = arguments.first, case .tensor = first else {
                throw CheckpointError("its pickle makes a parameter in an unknown way")
            }
            stack.append(first)
        case .storageType: throw CheckpointError("its pickle makes a storage by itself")
        }
    }

    /// A persistent id: PyTorch's tuple ('storage', type, key, location, count), in the legacy format with view data.
    private mutating func persistent(_ id: PickleValue) throws(CheckpointError) {
        guard case .tuple(let index) = id else { throw CheckpointError("its pickle names a storage in an unknown way") }
        let parts = tuples[index]
        guard (5...6).contains(parts.count), parts[0] == .text("storage"),
            case .global(.storageType(let element)) = parts[1], case .text(let key) = parts[2],
            case .integer(let count) = parts[4], count >= 0, parts.count == 5 || parts[5] == .none
        else { throw CheckpointError("its pickle names a storage in an unknown way") }
        let storage = PickleStorage(element: element, key: key, count: count)
        storages.insert(storage)
        stack.append(.storage(storage))
    }

    // MARK: Containers

    private mutating func push(tuple: [PickleValue]) {
        tuples.append(tuple)
        stack.append(.tuple(tuples.count - 1))
    }

    private mutating func pushDictionary() {
        dictionaries.append([])
        stack.append(.dictionary(dictionaries.count - 1))
    }

    private mutating func append(_ items: [PickleValue]) throws(CheckpointError) {
        guard case .list(let index) = try top() else { throw CheckpointError("its pickle appends to what is no list") }
        lists[index] += items
    }

    private mutating func set(_ items: [PickleValue]) throws(CheckpointError) {
        guard case .dictionary(let index) = try top(), items.count % 2 == 0 else {
            throw CheckpointError("its pickle sets items of what is no dictionary")
        }
        for start in stride(from: 0, to: items.count, by: 2) {
            dictionaries[index].append((items[start], items[start + 1]))
        }
    }

    private func integers(_ value: PickleValue) -> [Int]? {
        guard case .tuple(let index) = value else { return nil }
        var numbers: [Int] = []
        for item in tuples[index] {
            guard case .integer(let number) = item else { return nil }
            numbers.append(number)
        }
        return numbers
    }

    // MARK: Stack and bytes

    private mutating func pop() throws(CheckpointError) -> PickleValue {
        guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
            throw CheckpointError("its pickle takes more than there is")
        }
        return value
    }

    private func top() throws(CheckpointError) -> PickleValue {
        guard let value = stack.last else { throw CheckpointError("its pickle takes more than there is") }
        return value
    }

    private mutating func popToMark() throws(CheckpointError) -> [PickleValue] {
        guard let mark = marks.popLast(), mark <= stack.count else {
            throw CheckpointError("its pickle takes more than there is")
        }
        let items = Array(stack[mark...])
        stack.removeSubrange(mark...)
        return items
    }

    private mutating func recall(_ index: Int) throws(CheckpointError) {
        guard let value = memo[index] else { throw CheckpointError("its pickle recalls what was never kept") }
        stack.append(value)
    }

    private func advanced(by count: Int) throws(CheckpointError) -> Int {
        guard count >= 0, count <= bytes.count - offset else { throw CheckpointError("it is cut off") }
        return offset + count
    }

    private mutating func take(_ count: Int) throws(CheckpointError) -> Range<Int> {
        let end = try advanced(by: count)
        defer { offset = end }
        return offset..<end
    }

    private mutating func byte() throws(CheckpointError) -> UInt8 {
        let range = try take(1)
        return bytes[range.lowerBound]
    }

    private mutating func number<Value: FixedWidthInteger>(_: Value.Type) throws(CheckpointError) -> Value {
        let range = try take(MemoryLayout<Value>.size)
        return Value(littleEndian: bytes.loadUnaligned(fromByteOffset: range.lowerBound, as: Value.self))
    }

    private mutating func count64() throws(CheckpointError) -> Int {
        guard let count = Int(exactly: try number(UInt64.self)) else { throw CheckpointError("it is cut off") }
        return count
    }

    private mutating func longInteger() throws(CheckpointError) {
        let range = try take(Int(try byte()))
        guard range.count <= 8 else {
            stack.append(.wideInteger(Array(bytes[range])))
            return
        }
        var value: Int64 = 0
        for (place, index) in range.enumerated() { value |= Int64(bytes[index]) << (8 * place) }
        if let last = range.last, bytes[last] & 0x80 != 0, range.count < 8 { value -= 1 << (8 * range.count) }
        stack.append(.integer(Int(value)))
    }

    private mutating func text(count: Int) throws(CheckpointError) {
        let range = try take(count)
        guard let text = String(validating: bytes[range], as: UTF8.self) else {
            throw CheckpointError("its pickle holds text that is not UTF-8")
        }
        stack.append(.text(text))
    }

    private mutating func line() throws(CheckpointError) -> String {
        let rest = bytes[offset...].prefix(256)
        guard let end = rest.firstIndex(of: UInt8(ascii: "\n")),
            let text = String(validating: rest[..<end], as: UTF8.self)
        else { throw CheckpointError("its pickle refers to a name that is none") }
        offset = end + 1
        return text
    }

    /// A name for a message: short, without control characters.
    private static func printable(_ name: String) -> String {
        String(String.UnicodeScalarView(name.unicodeScalars.prefix(60).map { $0.value < 0x20 ? "?" : $0 }))
    }
}
