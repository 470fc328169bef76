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
    "kotlin": 'fun render(rows: List<Row>, width: Int, title: String = ""): String {\n}\n',
    "swift": "func move(_ item: Item, to place: Place, speed: Int = 1) -> Bool {\n}\n",
    "scala": "def render(rows: List[Row], width: Int): String = {\n}\n",
    "lua": "local function draw(ctx, width)\nend\n",
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
        ("kotlin", "val t = render(|)\n", 'rows: List<Row>, width: Int, title: String = ""): String {', "rows, width"),
        ("swift", "move(|)\n", "_ item: Item, to place: Place, speed: Int = 1) -> Bool {", "item, to: place"),
        ("scala", "val t = render(|)\n", "rows: List[Row], width: Int): String = {", "rows, width"),
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


BY_NAME = {
    "python": "f(a=1, b=2)\ng(x, c=3, d=4)\nh(a=a, b=b)\nk(1, 2)\n",
    "c_sharp": "F(a: 1, b: 2);\nG(x, c: 3, d: 4);\nH(a: a, b: b);\n",
    "kotlin": "f(a = 1, b = 2)\ng(x, c = 3, d = 4)\nh(a = a, b = b)\n",
    "php": "f(a: 1, b: 2);\ng($x, c: 3, d: 4);\nh(a: $a, b: $b);\n",
}


@pytest.mark.parametrize(
    ("name", "place", "said", "expected"),
    [
        ("python", "rows = fetch(|)\n", "cursor, table, limit=10):", "cursor=cursor, table=table"),
        ("python", "rows = fetch(|)\n", "cursor, table)", "cursor, table"),
        ("c_sharp", "a.Put(|);\n", "string key, int n, int m = 3)", "key: key, n: n"),
        ("kotlin", "val t = render(|)\n", "rows: List<Row>, width: Int): String {", "rows = rows, width = width"),
        ("php", "$x = put(|);\n", "string $key, array $values, $n = 3) {", "key: $key, values: $values"),
    ],
)
def test_arguments_are_given_by_name_where_the_repository_does_so(
    name: str, place: str, said: str, expected: str
) -> None:
    source = SOURCES[name].replace("ref int n", "int n")
    assert finished(place, said, name, "line", [source, BY_NAME[name]]) == expected
    assert "=" not in finished("rows = fetch(|)\n", "cursor, table, limit=10):", "python", "line", [SOURCES["python"]])


def test_a_function_without_a_name_is_no_call() -> None:
    source = "app.get(function (req, res) {\n});\n"
    place = "app.post('/', |\n  go();\n});\n"
    assert finished(place, "function (req, res) {", "javascript", "line", [source]) == "function (req, res) {"
