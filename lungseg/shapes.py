"""Types of arrays with their shapes; without jaxtyping, as on a machine that only trains, they are just arrays."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Float16, Int64, UInt8, UInt32
else:
    try:
        from jaxtyping import Bool, Float, Float16, Int64, UInt8, UInt32
    except ModuleNotFoundError:

        class _Unchecked:
            def __class_getitem__(cls, item: tuple[type, str]) -> Any:  # noqa: ANN401
                return item[0]

        Bool = Float = Float16 = Int64 = UInt8 = UInt32 = _Unchecked

__all__ = ["Bool", "Float", "Float16", "Int64", "UInt8", "UInt32"]
