"""Records laid out field by field, for compiled loops: what looks like a record is one array each.

A neuron's step reads and writes `s.v`. On an array of records that is a stride through memory that
no vector unit likes; here the same step works on `row(fields, i)`, whose attributes are element i
of one array per field. The arrays never overlap and the loads and stores say so, so that a loop
over i becomes vector instructions. A table of addresses stands for the arrays, so that one
signature fits every model.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import lower_getattr_generic, lower_setattr_generic
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    infer_getattr,
    intrinsic,
    models,
    register_model,
)
from numba.np.numpy_support import from_dtype

_intrinsic: Any = intrinsic  # numba ships no types: what it decorates is called with one less
_literal: Any = intrinsic(prefer_literal=True)


class FieldsType(types.Type):
    """One pointer per field, but for those whose value is known when the loop is compiled."""

    def __init__(self, layout: str) -> None:
        self.layout = layout
        named = [f.split(":") for f in layout.split(",")]
        self.columns = {n: from_dtype(np.dtype(t.split("=")[0])) for n, t in named}
        self.known = {n: int(t.split("=")[1]) for n, t in named if "=" in t}
        super().__init__(f"Fields({layout})")


class RowType(types.Type):
    """Element `i` of every field."""

    def __init__(self, fields: FieldsType) -> None:
        self.fields = fields
        super().__init__(f"Row({fields.layout})")


class ValuesType(types.Type):
    """One value per field, read once."""

    def __init__(self, fields: FieldsType) -> None:
        self.fields = fields
        super().__init__(f"Values({fields.layout})")


@register_model(FieldsType)
class _FieldsModel(models.StructModel):
    def __init__(self, dmm: Any, fe_type: FieldsType) -> None:
        members = [(n, types.CPointer(t)) for n, t in fe_type.columns.items()]
        super().__init__(dmm, fe_type, members)


@register_model(RowType)
class _RowModel(models.StructModel):
    def __init__(self, dmm: Any, fe_type: RowType) -> None:
        super().__init__(dmm, fe_type, [("fields", fe_type.fields), ("i", types.intp)])


@register_model(ValuesType)
class _ValuesModel(models.StructModel):
    def __init__(self, dmm: Any, fe_type: ValuesType) -> None:
        super().__init__(dmm, fe_type, list(fe_type.fields.columns.items()))


@infer_getattr
class _RowAttributes(AttributeTemplate):
    key = RowType

    def generic_resolve(self, typ: RowType, attr: str) -> Any:  # type: ignore[override]
        return typ.fields.columns.get(attr)


@infer_getattr
class _ValuesAttributes(AttributeTemplate):
    key = ValuesType

    def generic_resolve(self, typ: ValuesType, attr: str) -> Any:  # type: ignore[override]
        return typ.fields.columns.get(attr)


def _pointer(context: Any, builder: Any, typ: RowType, val: Any, attr: str) -> Any:
    row = cgutils.create_struct_proxy(typ)(context, builder, value=val)
    fields = cgutils.create_struct_proxy(typ.fields)(context, builder, value=row.fields)
    return builder.gep(getattr(fields, attr), [row.i])


@lower_getattr_generic(RowType)
def _get(context: Any, builder: Any, typ: RowType, val: Any, attr: str) -> Any:
    if attr in typ.fields.known:
        return _known(context, typ.fields, attr)
    loaded = builder.load(_pointer(context, builder, typ, val, attr))
    _scoped(builder, loaded, typ.fields, attr)
    return loaded


def _known(context: Any, fields: FieldsType, attr: str) -> Any:
    return ir.Constant(context.get_value_type(fields.columns[attr]), fields.known[attr])


def _scoped(builder: Any, access: Any, fields: FieldsType, attr: str) -> None:
    """Say that this load or store touches this field and no other."""
    module = builder.module
    domain = module.add_metadata(["mossy " + fields.layout])
    scopes = {n: module.add_metadata([n, domain]) for n in fields.columns}
    access.set_metadata("alias.scope", module.add_metadata([scopes[attr]]))
    access.set_metadata("noalias", module.add_metadata([s for n, s in scopes.items() if n != attr]))


@lower_setattr_generic(RowType)
def _set(context: Any, builder: Any, sig: Any, args: Any, attr: str) -> None:
    target, value = args
    typ = sig.args[0]
    value = context.cast(builder, value, sig.args[1], typ.fields.columns[attr])
    ptr = _pointer(context, builder, typ, target, attr)
    stored = builder.store(value, ptr)
    _scoped(builder, stored, typ.fields, attr)


@lower_getattr_generic(ValuesType)
def _value(context: Any, builder: Any, typ: ValuesType, val: Any, attr: str) -> Any:
    if attr in typ.fields.known:
        return _known(context, typ.fields, attr)
    return getattr(cgutils.create_struct_proxy(typ)(context, builder, value=val), attr)


@_literal
def fields(typingctx: Any, layout: Any, table: Any, at: Any) -> Any:
    """fields("v:f4,refract:i4", table, at): pointers from the addresses table[at], at + 1, ...

    "subtract:u1=1" says that every element of a field is 1, which loops are compiled for.
    """
    if not isinstance(layout, types.StringLiteral):
        return None
    typ = FieldsType(layout.literal_value)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        made = cgutils.create_struct_proxy(typ)(context, builder)
        at = args[2]
        for k, (name, t) in enumerate(typ.columns.items()):
            where = builder.gep(args[1], [builder.add(at, ir.Constant(at.type, k))])
            pointer = context.get_value_type(types.CPointer(t))
            setattr(made, name, builder.inttoptr(builder.load(where), pointer))
        return made._getvalue()

    return typ(layout, table, types.intp), codegen


@_intrinsic
def row(typingctx: Any, f: Any, i: Any) -> Any:
    """row(fields, i): element i of every field, to read and write."""
    typ = RowType(f)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        made = cgutils.create_struct_proxy(typ)(context, builder)
        made.fields, made.i = args
        return made._getvalue()

    return typ(f, types.intp), codegen


@_intrinsic
def values(typingctx: Any, f: Any) -> Any:
    """values(fields): the first element of every field, read now."""
    typ = ValuesType(f)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointers = cgutils.create_struct_proxy(f)(context, builder, value=args[0])
        made = cgutils.create_struct_proxy(typ)(context, builder)
        for name in f.columns:
            setattr(made, name, builder.load(getattr(pointers, name)))
        return made._getvalue()

    return typ(f), codegen
