"""A parameter list that is offered where a call stands becomes arguments, in every language that has them."""

from __future__ import annotations

import pytest

from tests.complete.finish.places import finished

SOURCES = {
    "python": "def fetch(cursor, table, limit=10):\n    return 1\n\n\nclass A:\n"
    "    def load(self, path: str, *, strict: bool = True, **rest) -> Row:\n        pass\n"
    "def move(path, *, to, force=False):\n    pass\n",
    "go": "func Open(host string, port int) (*Session, error) {\n}\n\n"
    "func (s *S) Put(key, value string, opts ...Option) error {\n",
    "rust": "pub fn parse(input: &str, mut strict: bool) -> Result<Header, Error> {\n}\n"
    "    fn put<K>(&mut self, key: K) {\n",
    "typescript": "export function render(rows: Row[], width: number, title?: string, h = 1): string {\n}\n"
    "class A {\n  async send(url: string, { a, b }: Props): Promise<void> {\n",
    "javascript": 'function draw(ctx, width, color = "red") {\n}\nconst mix = (a, b) => {\n',
    "java": "class A {\n    public static Table render(List<Row> rows, final int width) {\n",
    "c": "static int put_item(struct list *l, const char *name, size_t n)\n{\n",
    "cpp": "int put_item(const std::map<int, int>& xs, int n = 3) {\n",
    "c_sharp": "class A {\n  public void Put(string key, ref int n, int m = 3)\n  {\n",
    "php": "function put(string $key, array $values, $n = 3) {\n",
    "ruby": "def put(key, value = 1, mode:, &block)\nend\n",
}


@pytest.mark.parametrize(
    ("name", "place", "said", "expected"),
    [
        ("python", "rows = fetch(|)\n", "cursor, table, limit=10):", "cursor, table"),
        ("python", "    return fet|\n", "ch(cursor, table, limit=10):", "ch(cursor, table)"),
        ("python", "rows = fetch(cursor, |)\n", "table, limit=10):", "table"),
        ("python", "rows = fetch(cur|)\n", "sor, table, limit=10)", "sor, table"),
        ("python", "x.load(|)\n", "self, path: str, *, strict: bool = True, **rest) -> Row:", "path"),
        ("python", "x.load(|)\n", "path: str, *, strict", "path"),
        ("python", "move(|)\n", "path, *, to, force=False):", "path, to=to"),
        ("go", "\ts, err := lib.Open(|)\n", "host string, port int) (*Session, error) {", "host, port"),
        ("go", "\ts, err := lib.Open(|)\n", "host string)", "host, port"),
        ("go", "\ts.Put(|)\n", "key, value string, opts ...Option) error {", "key, value, opts..."),
        ("rust", "let h = parse(|)?;\n", "input: &str, mut strict: bool) -> Result<Header, Error> {", "input, strict"),
        ("rust", "x.put(|);\n", "&mut self, key: K) {", "key"),
        (
            "typescript",
            "const html = render(|);\n",
            "rows: Row[], width: number, title?: string, h = 1): string {",
            "rows, width",
        ),
        ("typescript", "a.send(|);\n", "url: string, { a, b }: Props): Promise<void> {", "url, { a, b }"),
        ("tsx", "const html = render(|);\n", "rows: Row[], width: number): string {", "rows, width"),
        ("javascript", "dr|\n", 'aw(ctx, width, color = "red") {', "aw(ctx, width)"),
        ("javascript", "mix(|);\n", "a, b) => {", "a, b"),
        ("java", "Table t = A.render(|);\n", "List<Row> rows, final int width) {", "rows, width"),
        ("java", "return render(|);\n", "List<Row> rows, final int width) {", "rows, width"),
        ("c", "r = put_item(|);\n", "struct list *l, const char *name, size_t n)", "l, name, n"),
        ("cpp", "return put_item(|);\n", "const std::map<int, int>& xs, int n = 3) {", "xs"),
        ("c_sharp", "a.Put(|);\n", "string key, ref int n, int m = 3)", "key, ref n"),
        ("php", "$x = put(|);\n", "string $key, array $values, $n = 3) {", "$key, $values"),
        ("ruby", "put(|)\n", "key, value = 1, mode:, &block)", "key, mode: mode"),
    ],
)
def test_parameters_become_arguments(name: str, place: str, said: str, expected: str) -> None:
    sources = [SOURCES["typescript" if name == "tsx" else name]]
    assert finished(place, said, name, "line", sources) == expected


@pytest.mark.parametrize(
    ("name", "place", "said"),
    [
        ("python", "rows = fetch(|)\n", 'cursor, "users"'),
        ("python", "rows = fetch(|)\n", "cursor, table, limit=20"),
        ("python", "rows = other(|)\n", "cursor, table, limit=10"),
        ("javascript", "mix(|);\n", "a, b"),
    ],
)
def test_arguments_stay_arguments(name: str, place: str, said: str) -> None:
    assert finished(place, said, name, "line", [SOURCES[name]]) == said


@pytest.mark.parametrize(
    ("name", "place", "said", "expected"),
    [
        ("python", "def fetch(|):\n    pass\n", "cursor, table, limit=10):", "cursor, table, limit=10"),
        ("go", "func Open(|) error {\n}\n", "host string, port int) (*Session, error) {", "host string, port int"),
        (
            "go",
            "func (t *T) Put(|) error {\n}\n",
            "key, value string, opts ...Option) error {",
            "key, value string, opts ...Option",
        ),
        (
            "typescript",
            "class B {\n  async send(|): void {\n  }\n}\n",
            "url: string, { a, b }: Props): Promise<void> {",
            "url: string, { a, b }: Props",
        ),
        (
            "java",
            "class B {\n    public Table render(|) {\n    }\n}\n",
            "List<Row> rows, final int width) {",
            "List<Row> rows, final int width",
        ),
    ],
)
def test_definitions_stay_definitions(name: str, place: str, said: str, expected: str) -> None:
    assert finished(place, said, name, "line", [SOURCES[name]]) == expected
