"""f: a generator, open files, a lock, a connection, a thread. ``SIDE`` counts how often cells with side effects really ran.

What cannot be rewound must be reported, not faked: only what can be asked of a restore is checked.
"""

from benchmarks.state.workloads import Workload

WORKLOAD = Workload(
    cells=(
        'import os, sqlite3, threading, time\nSIDE = os.environ["SIDE_FILE"]\nnormal = [1, 2, 3]',
        'open(SIDE, "a").write("gen\\n")\ngen = (k * k for k in range(10))\nnext(gen); next(gen)',
        "next(gen)",
        'fh = open(SIDE + ".w", "w")\nfh.write("hello\\n"); fh.flush()\nopen(SIDE, "a").write("file\\n")',
        "lock = threading.Lock(); lock.acquire()",
        """
open(SIDE, "a").write("db\\n")
con = sqlite3.connect(":memory:")
con.execute("create table t(x)"); con.execute("insert into t values (1)")
""",
        'con.execute("insert into t values (2)")',
        "ev = threading.Event()\ndef run():\n    ev.wait(3)\nth = threading.Thread(target=run, daemon=True); th.start()",
        "normal.append(4)",
        'next(gen); con.execute("insert into t values (3)"); lock.release()',
        "normal.append(5)",
        'fh.write("more\\n"); fh.flush()',
        "del gen",
    ),
    restore_to=8,
    checks=("normal", "open(SIDE).read().split()", 'open(SIDE + ".w").read()'),
    expected={
        "normal": "[1, 2, 3, 4]",
        "open(SIDE).read().split()": "['gen', 'file', 'db']",
        'open(SIDE + ".w").read()': "'hello\\nmore\\n'",
    },
    compares_variables=False,
)
