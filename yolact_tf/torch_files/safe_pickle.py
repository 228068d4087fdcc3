"""PyTorch's pickles of tensors, read without calling anything that they name.

`pickle.Unpickler` with a restricted `find_class` calls nothing foreign either, yet a few bytes still
crash it: a dictionary key of deeply nested tuples overflows the C stack, a memo index of 2^31 claims
32 GiB. Here the standard library only splits the pickle into opcodes; a small stack does the rest.
"""

import math
import mmap
import pickletools
from dataclasses import dataclass
from typing import Any, BinaryIO

import ml_dtypes
import numpy as np

MAX_OPCODES = 1 << 22  # a state dict takes about 40 a tensor; more would only fill the memory
MAX_DIMENSIONS = 32  # numpy's before 2.0
SHOWN_CHARACTERS = 80  # of a received value in an error


def read_pickle(stream: BinaryIO | mmap.mmap) -> tuple[Any, dict[str, "Storage"]]:
    """Rebuilds the next pickle in the binary file `stream`, which is left just behind it.

    Returns the value, with a `Tensor` for each tensor, and {key: Storage} of all that they view.
    ValueError in one line for a pickle that names what no state dict needs, or is cut short.
    """
    machine = _Machine()
    for count, (opcode, argument) in enumerate(_opcodes(stream)):
        if count == MAX_OPCODES:
            raise ValueError(f"expected a pickle of at most {MAX_OPCODES} opcodes. Received: more")
        try:
            machine.step(opcode, argument)
        except (IndexError, KeyError, TypeError, AttributeError):
            machine.refuse()
            raise ValueError(
                f"expected a whole pickle. Received: one that makes no sense at opcode {count}, {opcode}"
            ) from None
    return machine.result(), machine.roots


@dataclass(frozen=True)
class Storage:
    """`count` elements from `first` on of the storage `key`."""

    key: str
    dtype: np.dtype
    count: int
    first: int = 0


@dataclass(frozen=True)
class Tensor:
    """A strided view of a storage, inside its bounds; offset and stride in elements."""

    storage: Storage
    offset: int
    size: tuple
    stride: tuple


def shown(value: object) -> str:
    """A received string, number or tuple of them as an error may quote it: one line, cut short."""
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def _opcodes(stream):
    """Yields the name and the argument of each opcode."""
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            yield opcode.name, argument
    except ValueError as error:
        raise ValueError(f"expected a whole pickle. Received one with: {shown(str(error))}") from None


@dataclass(frozen=True)
class _Refused:
    """A name that is not among those allowed."""

    name: str


class _Machine:
    """The stack, marks and memo of a pickle; `step` does one opcode."""

    def __init__(self):
        self.stack, self.marks, self.memo = [], [], {}
        self.roots, self.refused = {}, []

    def step(self, opcode, argument):
        stack = self.stack
        match opcode:
            case "PROTO" | "FRAME" | "STOP":
                pass
            case "MARK":
                self.marks.append(len(stack))
            case "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = stack[-1]
            case "MEMOIZE":
                self.memo[len(self.memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(self.memo[argument])
            case "TUPLE":
                stack.append(tuple(self.pop_marked()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(self.pop(int(opcode[-1]))))
            case "APPEND" | "APPENDS":
                items = self.pop_marked() if opcode == "APPENDS" else self.pop(1)
                stack[-1].extend(items)
            case "SETITEM" | "SETITEMS":
                items = self.pop_marked() if opcode == "SETITEMS" else self.pop(2)
                _set_items(stack[-1], items)
            case _ if opcode in _NEW:
                stack.append(_NEW[opcode]())
            case _ if opcode in _LITERALS:
                stack.append(argument)
            case _:
                self.step_name(opcode, argument)

    def step_name(self, opcode, argument):
        """Does the opcodes through which a pickle reaches for the world outside."""
        match opcode:
            case "GLOBAL":
                self.stack.append(self.find(argument))
            case "STACK_GLOBAL":
                self.stack.append(self.find(" ".join(self.pop(2))))
            case "BINPERSID":
                self.stack.append(_storage(self.roots, *self.pop(1)))
            case "REDUCE":
                self.stack.append(_call(*self.pop(2)))
            case "BUILD":
                # OrderedDict's attributes, such as PyTorch's `_metadata`: nothing here needs them.
                if not isinstance(self.stack[-2], dict):
                    raise TypeError
                self.stack.pop()
            case "NEWOBJ":
                _refuse_object(self.pop(2)[0])
            case "NEWOBJ_EX":
                _refuse_object(self.pop(3)[0])
            case "OBJ":
                _refuse_object(self.pop_marked()[0])
            case "INST":
                raise ValueError(_refusal("call", argument))
            case _:
                self.refuse()
                raise ValueError(f"refused, since its pickle uses {opcode}, which no state dict needs")

    def find(self, name):
        if name in _NAMES:
            return _NAMES[name]
        self.refused.append(name)
        return _Refused(name)

    def pop(self, count):
        items = self.stack[-count:]
        if len(items) < count:
            raise IndexError
        del self.stack[-count:]
        return items

    def pop_marked(self):
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def result(self):
        self.refuse()
        if len(self.stack) != 1:
            raise ValueError(f"expected a pickle of one value. Received: one of {len(self.stack)}")
        return self.stack[0]

    def refuse(self):
        """ValueError where the pickle has named anything that it may not."""
        if self.refused:
            raise ValueError(_refusal("use", self.refused[0]))


_NEW = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
}
# What protocols 2 to 5 write; the strings without "UNICODE" are Python 2's.
_LITERALS = {
    *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINSTRING", "SHORT_BINSTRING"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
}
_PLAIN_KEYS = (str, int, float, bytes, type(None))


def _set_items(target, items):
    if not isinstance(target, dict) or len(items) % 2:
        raise TypeError
    for key, value in zip(items[::2], items[1::2]):
        # The hash of nested tuples takes the C stack, or for ever.
        if not isinstance(key, _PLAIN_KEYS):
            raise ValueError(f"expected plain dictionary keys. Received: one of type {type(key).__name__}")
        if key in target:
            raise ValueError(f"expected each dictionary key once. Received: {shown(key)} twice")
        target[key] = value


def _call(function, arguments):
    if isinstance(function, _Refused):
        raise ValueError(_refusal("call", function.name))
    if not isinstance(arguments, tuple):
        raise TypeError
    return function(*arguments)


def _refuse_object(kind):
    if not isinstance(kind, _Refused):
        raise TypeError
    name = _dotted(kind.name)
    raise ValueError(f"refused, since it would make an object of {name}; save a model's `state_dict()`")


def _refusal(verb, name):
    return f"refused, since it would {verb} {_dotted(name)}; a state dict of tensors needs no such name"


def _dotted(name):
    return shown(name.replace(" ", ".", 1))


def _storage(roots, identity):
    """The storage of a persistent id; `roots` learns of the whole that it may be a part of."""
    match identity:
        case ("module", *_):
            raise ValueError("expected a state dict. Received: a whole model; save its `state_dict()`")
        case ("storage", np.dtype() as dtype, str() as key, _, int() as count, *part) if count >= 0:
            root = Storage(key, dtype, count)
        case _:
            raise TypeError
    if roots.setdefault(key, root) != root:
        raise ValueError(f"expected one type and size of storage {shown(key)}. Received: several")
    match part:
        case [] | [None]:
            return root
        case [(_, int() as first, int() as size)] if 0 <= first <= first + size <= count:
            return Storage(key, dtype, size, first)
    raise ValueError(f"expected a part inside storage {shown(key)} of {count}. Received: one outside")


def _tensor(storage, offset, size, stride, *_):
    """A tensor, checked against its storage; whether it takes a gradient is dropped."""
    if not isinstance(storage, Storage) or len(size) > MAX_DIMENSIONS or len(size) != len(stride):
        raise TypeError
    if not all(isinstance(number, int) for number in (offset, *size, *stride)):
        raise TypeError
    last = offset + sum((n - 1) * s for n, s in zip(size, stride))
    is_inside = last < storage.count if 0 not in size else offset <= storage.count
    # More elements than the storage has would make much out of little, by strides of zero.
    if min(offset, *size, *stride, 0) < 0 or not is_inside or math.prod(size) > storage.count:
        raise ValueError(
            f"expected a tensor inside its storage of {storage.count} elements. "
            f"Received: offset {offset}, size {shown(tuple(size))}, stride {shown(tuple(stride))}"
        )
    return Tensor(storage, offset, tuple(size), tuple(stride))


def _parameter(tensor, *_):
    if not isinstance(tensor, Tensor):
        raise TypeError
    return tensor


def _size(numbers=()):
    return numbers


def _ordered_dict(*pairs):
    if pairs:
        raise ValueError("expected an OrderedDict as Python 3 pickles it. Received: one of Python 2")
    return {}


_STORAGE_TYPES = {
    **{"Double": "f8", "Float": "f4", "Half": "f2", "BFloat16": ml_dtypes.bfloat16},
    **{"Long": "i8", "Int": "i4", "Short": "i2", "Char": "i1", "Byte": "u1", "Bool": "?"},
}
# All that a state dict names, each with a harmless stand-in.
_NAMES = {
    "collections OrderedDict": _ordered_dict,
    "torch Size": _size,
    "torch._utils _rebuild_tensor": _tensor,
    "torch._utils _rebuild_tensor_v2": _tensor,
    "torch._utils _rebuild_parameter": _parameter,
    **{f"torch {name}Storage": np.dtype(dtype) for name, dtype in _STORAGE_TYPES.items()},
}
