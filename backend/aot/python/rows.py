def _hnc_tables(call):
    # Nothing here reads a name from outside of this function, as exports may be called anything.
    from builtins import (IndexError, KeyError, OverflowError, TypeError, ValueError, enumerate, float, hasattr, isinstance, len,
                          list, str, tuple, type)
    import ctypes
    import math
    import numbers
    import re

    import numpy as np

    encoders = {}

    def number_parser(point, thousands):
        """Reads a text as hnc does; None: it is no number."""
        mark = {" ": "[ \u00a0\u202f\u2009]", "'": "['\u2019]"}.get(thousands, re.escape(thousands))
        groups = f"[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}}(?![0-9]))+|" if thousands else ""
        pattern = re.compile(f"([+-]?)({groups}[0-9]*)(?:{re.escape(point)}([0-9]*))?([eE][+-]?[0-9]+)?")

        def parse(text):
            parts = pattern.fullmatch(text)
            if not parts or not (parts[2] or parts[3]):
                return None
            whole = re.sub("[^0-9]", "", parts[2])
            number = float(f"{parts[1]}{whole or 0}.{parts[3] or 0}{parts[4] or ''}")
            return number if math.isfinite(number) else None
        return parse

    def cell_reader(point, thousands, blanks, markers):
        """Reads a value of a column as hnc reads the files of the table: a double, or the bytes of a text. `kept`: categories
        that begin or end with blanks. A text without its quotes does not say whether blanks around it belong to it."""
        parse = number_parser(point, thousands)
        marked = [parse(marker) for marker in markers if parse(marker) is not None]

        def is_missing(text, stripped):
            return not stripped or text in markers or stripped in markers or (marked != [] and parse(stripped) in marked)

        def read(value, kind, kept):
            nothing = None if kind == "category" else math.nan
            is_number = isinstance(value, (numbers.Number, np.bool_))
            if value is None or (is_number and value != value):
                return nothing
            if is_number and kind != "category":
                return float(value)
            text = value if isinstance(value, str) else str(value) if is_number else None
            if text is None or "\0" in text:
                raise ValueError
            stripped = text if text in kept else text.strip(blanks)
            if is_missing(text, stripped):
                return nothing
            found = stripped.encode() if kind == "category" else parse(stripped) if kind == "number" else None
            if found is None:
                raise ValueError
            return found
        return read

    def add_table(function, dialect, columns, *fields):
        """How a function of the library encodes rows. columns: (name, kind, kept). fields: (type, shape)."""
        types = {"category": ctypes.c_char_p, "number": ctypes.c_double, "time": ctypes.c_double}
        members = [(f"c{i}", types[kind]) for i, (_, kind, _) in enumerate(columns)]
        structure = type("Columns", (ctypes.Structure,), {"_fields_": members})
        encoders[function] = cell_reader(*dialect), columns, structure, fields

    def value_of(row, name, kind, kept, read):
        try:
            value = row[name]
        except (IndexError, KeyError):
            raise ValueError(f"the row has no {name!r}") from None
        try:
            return read(value, kind, kept)
        except (OverflowError, TypeError, ValueError):
            wanted = {"number": "cannot be read as a number", "category": "cannot be read as a text",
                      "time": "is no time: these are seconds since 1970, or since midnight where the format has no date"}
            raise ValueError(f"{name!r} holds {value!r:.60}, which {wanted[kind]}") from None

    def encode(function, given):
        read, columns, structure, fields = encoders[function]
        one = hasattr(given, "keys")
        rows = [given] if one else list(given)
        results = [np.empty((len(rows),) + shape, dtype) for dtype, shape in fields]
        for i, row in enumerate(rows):
            if not hasattr(row, "keys"):
                raise ValueError(f"a row is a dict of values by column, not {row!r:.60}")
            values = structure(*[value_of(row, name, kind, kept, read) for name, kind, kept in columns])
            call(function, ctypes.byref(values), *[result[i:i + 1] for result in results])
        results = [result[0, ...] for result in results] if one else results
        return results[0] if len(results) == 1 else tuple(results)

    return add_table, encode
