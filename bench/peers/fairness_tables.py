"""Adult, Default and Bank for the peers: the features of models/fairness_*.hn, and the rows in hnc's order for a seed."""
import csv
import os

import numpy as np

COUNTER_SPLIT = 2  # runtime/data/permute.h

TABLES = {  # files, label column, columns that are no features, categories, row -> (label, group)
    "adult": (("adult.data", "adult.test"), "Y", "sex fnlwgt".split(),
              "workclass education marital-status occupation relationship race native-country".split(),
              lambda row: (row["Y"].rstrip(".") == ">50K", row["sex"] == "Female")),
    "default": (("default.csv",), "default.payment.next.month", "ID SEX".split(),
                "EDUCATION MARRIAGE PAY_0 PAY_2 PAY_3 PAY_4 PAY_5 PAY_6".split(),
                lambda row: (row["default.payment.next.month"] == "1", row["SEX"] == "2")),
    "bank": (("bank.csv",), "y", ["ID"],
             "job marital education default housing loan contact month poutcome".split(),
             lambda row: (row["y"] == "yes", float(row["age"]) > 60)),
}


def read_rows(folder, files, label):
    rows = []
    for name in files:
        with open(os.path.join(folder, name), newline="") as file:
            rows += [row for row in csv.DictReader(file, skipinitialspace=True) if row[label]]
    return rows


def read_table(folder, name):
    """Numbers [n, p] as they are, categories [n, q] one-hot, and the cells [n, 4]: (label, group) = 00, 01, 10, 11."""
    files, label, unused, categories, label_and_group = TABLES[name]
    rows = read_rows(folder, files, label)
    columns = [column for column in rows[0] if column not in (label, *unused)]
    numbers = np.array([[float(row[column]) for column in columns if column not in categories] for row in rows])
    one_hot = []
    for column in categories:
        values, index = np.unique([row[column] for row in rows], return_inverse=True)
        one_hot.append(np.eye(len(values))[index])
    positive, group = np.array([label_and_group(row) for row in rows]).T
    cells = np.stack([~positive & ~group, ~positive & group, positive & ~group, positive & group], 1)
    return numbers, np.hstack(one_hot), cells


def philox(counters, key):
    """Philox 4x32-10 (Salmon et al., SC 2011) of counters [n, 4] under a key of two words."""
    c0, c1, c2, c3 = np.asarray(counters, np.uint64).T
    k0, k1 = key
    low = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        product0, product1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (product1 >> 32) ^ c1 ^ np.uint64(k0), product1 & low, (product0 >> 32) ^ c3 ^ np.uint64(k1), product0 & low
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], 1)


def hnc_order(count, seed):
    """The order in which hnc has the rows of its first data set, if that is shuffled: runtime/data/permute.c."""
    blocks = np.zeros((count // 2 + 1, 4), np.uint64)
    blocks[:, 0], blocks[:, 3] = np.arange(len(blocks)), COUNTER_SPLIT
    words = philox(blocks, (seed & 0xFFFFFFFF, seed >> 32)).tolist()
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        block, half = words[i >> 1], 2 * (i & 1)
        j = ((block[half + 1] << 32 | block[half]) * (i + 1)) >> 64
        order[i], order[j] = order[j], order[i]
    return np.array(order)


def split(numbers, one_hot, cells, seed):
    """The parts train, valid and test (.7, .1, .2) as (features, cells), the numbers standardised by the training part."""
    count = len(cells)
    order = hnc_order(count, seed)
    parts = np.split(order, [round(.7 * count), round(.7 * count) + round(.1 * count)])
    mean, deviation = numbers[parts[0]].mean(0), numbers[parts[0]].std(0)
    features = np.hstack([(numbers - mean) / np.where(deviation > 0, deviation, 1), one_hot]).astype(np.float32)
    return [(features[rows], cells[rows].astype(np.float32)) for rows in parts]
