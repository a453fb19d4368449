/**
 * Runs an answer and its tests in one interpreter; standard input brings three pieces, each behind its length in eight
 * hexadecimal digits: the code, the tests, a token. The token is printed on a line of its own after the last test has
 * passed, and only then: a program that exits early, by whatever way and code, has not passed. While the answer's code
 * is run, its tests and the token have not been read, and standard input is empty.
 *
 * Functions that begin with `test` and classes of `unittest` that the tests define are called as pytest would.
 */
export const HARNESS = `import os, sys
def start():
    execute, build, write, leave, read = exec, compile, os.write, os._exit, os.read
    pipe, out = os.dup(0), os.dup(1)
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    def exactly(size):
        data = b""
        while len(data) < size:
            piece = read(pipe, size - len(data))
            if not piece:
                leave(3)
            data += piece
        return data
    def take():
        return exactly(int(exactly(8), 16))
    space = {"__name__": "answer", "__builtins__": __builtins__}
    execute(build(take(), "answer.py", "exec"), space)
    before = dict(space)
    tests = build(take(), "tests.py", "exec")
    token = take()
    execute(tests, space)
    for name, value in list(space.items()):
        if before.get(name) is value:
            continue
        if isinstance(value, type):
            unittest = sys.modules.get("unittest")
            if unittest is not None and issubclass(value, unittest.TestCase):
                suite = unittest.defaultTestLoader.loadTestsFromTestCase(value)
                result = unittest.TestResult()
                suite.run(result)
                if not result.wasSuccessful():
                    raise AssertionError((result.failures + result.errors)[0][1].strip().splitlines()[-1])
        elif name.startswith("test") and getattr(value, "__code__", None) and value.__code__.co_argcount == 0:
            value()
    write(out, b"\\n" + token + b"\\n")
    leave(0)
start()
`;

/** What the harness reads. */
export function harnessInput(code: string, test: string, token: string): Buffer {
  return Buffer.concat([code, test, token].flatMap(piece));
}

function piece(text: string): Buffer[] {
  const bytes = Buffer.from(text);
  return [Buffer.from(bytes.length.toString(16).padStart(8, "0")), bytes];
}
