from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATUS_UNSPECIFIED: _ClassVar[Status]
    STATUS_PRESENT: _ClassVar[Status]
    STATUS_NULL: _ClassVar[Status]
    STATUS_NOT_FOUND: _ClassVar[Status]
    STATUS_EXPIRED: _ClassVar[Status]
    STATUS_AHEAD: _ClassVar[Status]
    STATUS_UNAVAILABLE: _ClassVar[Status]
    STATUS_ERROR: _ClassVar[Status]
STATUS_UNSPECIFIED: Status
STATUS_PRESENT: Status
STATUS_NULL: Status
STATUS_NOT_FOUND: Status
STATUS_EXPIRED: Status
STATUS_AHEAD: Status
STATUS_UNAVAILABLE: Status
STATUS_ERROR: Status

class GetFeaturesRequest(_message.Message):
    __slots__ = ("service", "entities", "request_values", "at", "features", "fingerprints")
    class EntitiesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Values
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Values, _Mapping]] = ...) -> None: ...
    class RequestValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Values
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Values, _Mapping]] = ...) -> None: ...
    class FingerprintsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    ENTITIES_FIELD_NUMBER: _ClassVar[int]
    REQUEST_VALUES_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINTS_FIELD_NUMBER: _ClassVar[int]
    service: str
    entities: _containers.MessageMap[str, Values]
    request_values: _containers.MessageMap[str, Values]
    at: _containers.RepeatedScalarFieldContainer[int]
    features: _containers.RepeatedScalarFieldContainer[str]
    fingerprints: _containers.ScalarMap[str, str]
    def __init__(self, service: _Optional[str] = ..., entities: _Optional[_Mapping[str, Values]] = ..., request_values: _Optional[_Mapping[str, Values]] = ..., at: _Optional[_Iterable[int]] = ..., features: _Optional[_Iterable[str]] = ..., fingerprints: _Optional[_Mapping[str, str]] = ...) -> None: ...

class GetFeaturesResponse(_message.Message):
    __slots__ = ("service", "fingerprint", "entities", "times", "columns", "groups")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    ENTITIES_FIELD_NUMBER: _ClassVar[int]
    TIMES_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    service: str
    fingerprint: str
    entities: int
    times: _containers.RepeatedScalarFieldContainer[int]
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    groups: _containers.RepeatedCompositeFieldContainer[GroupTimes]
    def __init__(self, service: _Optional[str] = ..., fingerprint: _Optional[str] = ..., entities: _Optional[int] = ..., times: _Optional[_Iterable[int]] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., groups: _Optional[_Iterable[_Union[GroupTimes, _Mapping]]] = ...) -> None: ...

class Column(_message.Message):
    __slots__ = ("name", "type", "fingerprint", "values", "statuses", "event_times", "group", "notes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIMES_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    fingerprint: str
    values: Values
    statuses: _containers.RepeatedScalarFieldContainer[Status]
    event_times: Times
    group: str
    notes: _containers.RepeatedCompositeFieldContainer[Note]
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., fingerprint: _Optional[str] = ..., values: _Optional[_Union[Values, _Mapping]] = ..., statuses: _Optional[_Iterable[_Union[Status, str]]] = ..., event_times: _Optional[_Union[Times, _Mapping]] = ..., group: _Optional[str] = ..., notes: _Optional[_Iterable[_Union[Note, _Mapping]]] = ...) -> None: ...

class Values(_message.Message):
    __slots__ = ("bools", "int64s", "floats", "doubles", "strings", "blobs", "dates", "timestamps", "decimals", "arrays", "vectors", "nulls")
    BOOLS_FIELD_NUMBER: _ClassVar[int]
    INT64S_FIELD_NUMBER: _ClassVar[int]
    FLOATS_FIELD_NUMBER: _ClassVar[int]
    DOUBLES_FIELD_NUMBER: _ClassVar[int]
    STRINGS_FIELD_NUMBER: _ClassVar[int]
    BLOBS_FIELD_NUMBER: _ClassVar[int]
    DATES_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMPS_FIELD_NUMBER: _ClassVar[int]
    DECIMALS_FIELD_NUMBER: _ClassVar[int]
    ARRAYS_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    NULLS_FIELD_NUMBER: _ClassVar[int]
    bools: Bools
    int64s: Int64s
    floats: Floats
    doubles: Doubles
    strings: Strings
    blobs: Blobs
    dates: Dates
    timestamps: Timestamps
    decimals: Decimals
    arrays: Arrays
    vectors: Vectors
    nulls: bytes
    def __init__(self, bools: _Optional[_Union[Bools, _Mapping]] = ..., int64s: _Optional[_Union[Int64s, _Mapping]] = ..., floats: _Optional[_Union[Floats, _Mapping]] = ..., doubles: _Optional[_Union[Doubles, _Mapping]] = ..., strings: _Optional[_Union[Strings, _Mapping]] = ..., blobs: _Optional[_Union[Blobs, _Mapping]] = ..., dates: _Optional[_Union[Dates, _Mapping]] = ..., timestamps: _Optional[_Union[Timestamps, _Mapping]] = ..., decimals: _Optional[_Union[Decimals, _Mapping]] = ..., arrays: _Optional[_Union[Arrays, _Mapping]] = ..., vectors: _Optional[_Union[Vectors, _Mapping]] = ..., nulls: _Optional[bytes] = ...) -> None: ...

class Bools(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[bool]
    def __init__(self, values: _Optional[_Iterable[bool]] = ...) -> None: ...

class Int64s(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, values: _Optional[_Iterable[int]] = ...) -> None: ...

class Floats(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, values: _Optional[_Iterable[float]] = ...) -> None: ...

class Doubles(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, values: _Optional[_Iterable[float]] = ...) -> None: ...

class Strings(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, values: _Optional[_Iterable[str]] = ...) -> None: ...

class Blobs(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, values: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Dates(_message.Message):
    __slots__ = ("days",)
    DAYS_FIELD_NUMBER: _ClassVar[int]
    days: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, days: _Optional[_Iterable[int]] = ...) -> None: ...

class Timestamps(_message.Message):
    __slots__ = ("microseconds",)
    MICROSECONDS_FIELD_NUMBER: _ClassVar[int]
    microseconds: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, microseconds: _Optional[_Iterable[int]] = ...) -> None: ...

class Decimals(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, values: _Optional[_Iterable[str]] = ...) -> None: ...

class Arrays(_message.Message):
    __slots__ = ("lengths", "items")
    LENGTHS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    lengths: _containers.RepeatedScalarFieldContainer[int]
    items: Values
    def __init__(self, lengths: _Optional[_Iterable[int]] = ..., items: _Optional[_Union[Values, _Mapping]] = ...) -> None: ...

class Vectors(_message.Message):
    __slots__ = ("dimension", "values")
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    dimension: int
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, dimension: _Optional[int] = ..., values: _Optional[_Iterable[float]] = ...) -> None: ...

class Times(_message.Message):
    __slots__ = ("microseconds", "nulls")
    MICROSECONDS_FIELD_NUMBER: _ClassVar[int]
    NULLS_FIELD_NUMBER: _ClassVar[int]
    microseconds: _containers.RepeatedScalarFieldContainer[int]
    nulls: bytes
    def __init__(self, microseconds: _Optional[_Iterable[int]] = ..., nulls: _Optional[bytes] = ...) -> None: ...

class Note(_message.Message):
    __slots__ = ("text", "positions")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    text: str
    positions: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, text: _Optional[str] = ..., positions: _Optional[_Iterable[int]] = ...) -> None: ...

class GroupTimes(_message.Message):
    __slots__ = ("group", "role", "periods", "indexes")
    class RoleEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    GROUP_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    PERIODS_FIELD_NUMBER: _ClassVar[int]
    INDEXES_FIELD_NUMBER: _ClassVar[int]
    group: str
    role: _containers.ScalarMap[str, str]
    periods: _containers.RepeatedCompositeFieldContainer[Period]
    indexes: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, group: _Optional[str] = ..., role: _Optional[_Mapping[str, str]] = ..., periods: _Optional[_Iterable[_Union[Period, _Mapping]]] = ..., indexes: _Optional[_Iterable[int]] = ...) -> None: ...

class Period(_message.Message):
    __slots__ = ("as_of", "due")
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    DUE_FIELD_NUMBER: _ClassVar[int]
    as_of: int
    due: int
    def __init__(self, as_of: _Optional[int] = ..., due: _Optional[int] = ...) -> None: ...

class DescribeServiceRequest(_message.Message):
    __slots__ = ("service",)
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    service: str
    def __init__(self, service: _Optional[str] = ...) -> None: ...

class DescribeServiceResponse(_message.Message):
    __slots__ = ("service", "fingerprint", "description", "entities", "request_values", "features")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ENTITIES_FIELD_NUMBER: _ClassVar[int]
    REQUEST_VALUES_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    service: str
    fingerprint: str
    description: str
    entities: _containers.RepeatedCompositeFieldContainer[Field]
    request_values: _containers.RepeatedCompositeFieldContainer[Field]
    features: _containers.RepeatedCompositeFieldContainer[Field]
    def __init__(self, service: _Optional[str] = ..., fingerprint: _Optional[str] = ..., description: _Optional[str] = ..., entities: _Optional[_Iterable[_Union[Field, _Mapping]]] = ..., request_values: _Optional[_Iterable[_Union[Field, _Mapping]]] = ..., features: _Optional[_Iterable[_Union[Field, _Mapping]]] = ...) -> None: ...

class Field(_message.Message):
    __slots__ = ("name", "type", "fingerprint")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    fingerprint: str
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., fingerprint: _Optional[str] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("code", "message", "where", "hint")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    WHERE_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    where: str
    hint: str
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., where: _Optional[str] = ..., hint: _Optional[str] = ...) -> None: ...
