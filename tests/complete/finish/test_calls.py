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


@pytest.mark.parametrize(
    ("name", "place", "said", "source", "expected"),
    [
        # Prototypes.
        (
            "c",
            "void f(struct vec *vec) {\n    push(|);\n}\n",
            "struct vec *vec) {",
            "int push(struct vec *vec, int value);\n",
            "vec, value",
        ),
        (
            "c",
            "    r = push(|);\n",
            "struct vec *vec, int value);",
            "extern int push(struct vec *vec, int value)\n    __attribute__((nonnull));\n",
            "vec, value",
        ),
        (
            "c",
            "    r = MAX(|);\n",
            "a, b) ((a) > (b) ? (a) : (b))",
            "#define MAX(a, b) ((a) > (b) ? (a) : (b))\n",
            "a, b",
        ),
        (
            "cpp",
            "    list.push(|);\n",
            "const std::string &key, int n = 0) const = 0;",
            "class L {\n  virtual bool push(const std::string &key, int n = 0) const = 0;\n};\n",
            "key",
        ),
        # Methods of interfaces.
        (
            "java",
            "    Row r = dao.fetch(|);\n",
            "String table, int limit) throws IOException;",
            "interface Dao {\n    List<Row> fetch(String table, int limit) throws IOException;\n}\n",
            "table, limit",
        ),
        (
            "c_sharp",
            "    var r = dao.Fetch(|);\n",
            "string table, int limit);",
            "interface IDao {\n    Task<Row> Fetch(string table, int limit);\n}\n",
            "table, limit",
        ),
        (
            "c_sharp",
            "    var r = Add(|);\n",
            "int a, int b) => a + b;",
            "static int Add(int a, int b) => a + b;\n",
            "a, b",
        ),
        (
            "go",
            "\ts, err := o.Open(|)\n",
            "host string, port int) (*Session, error)",
            "type Opener interface {\n\tOpen(host string, port int) (*Session, error)\n}\n",
            "host, port",
        ),
        (
            "rust",
            "let r = db.fetch(|);\n",
            "&self, table: &str, limit: usize) -> Vec<Row>;",
            "trait Db {\n    fn fetch(&self, table: &str, limit: usize) -> Vec<Row>;\n}\n",
            "table, limit",
        ),
        (
            "swift",
            "try store.load(|)\n",
            "id: Int, from path: String) throws -> Row",
            "protocol P {\n    func load(id: Int, from path: String) throws -> Row\n}\n",
            "id: id, from: path",
        ),
        (
            "php",
            "<?php\n$r = $db->fetch(|);\n",
            "string $table, int $limit): array;",
            "interface Db {\n    public function fetch(string $table, int $limit): array;\n}\n",
            "$table, $limit",
        ),
        # Declarations and stubs.
        (
            "typescript",
            "const r = dao.fetch(|);\n",
            "table: string, limit?: number): Promise<Row[]>;",
            "interface Dao {\n  fetch(table: string, limit?: number): Promise<Row[]>;\n}\n",
            "table",
        ),
        (
            "typescript",
            "const r = openDb(|);\n",
            "path: string, mode: number): Db;",
            "export declare function openDb(path: string, mode: number): Db;\n",
            "path, mode",
        ),
        (
            "python",
            "r = fetch(|)\n",
            "table: str, limit: int = ...) -> list[Row]: ...",
            "def fetch(table: str, limit: int = ...) -> list[Row]: ...\n",
            "table",
        ),
        # Classes that state what they are made from.
        (
            "kotlin",
            "val d = Door(|)\n",
            "val code: String, val silent: Boolean = false)",
            "data class Door(val code: String, val silent: Boolean = false)\n",
            "code",
        ),
        (
            "scala",
            "val d = Door(|)\n",
            "code: String, silent: Boolean)",
            "case class Door(code: String, silent: Boolean)\n",
            "code, silent",
        ),
        (
            "java",
            "    var d = new Door(|);\n",
            "String code, boolean silent) {",
            "record Door(String code, boolean silent) {\n}\n",
            "code, silent",
        ),
    ],
)
def test_a_signature_without_a_body_is_a_definition(
    name: str, place: str, said: str, source: str, expected: str
) -> None:
    assert finished(place, said, name, "line", [source]) == expected


@pytest.mark.parametrize(
    ("name", "place", "said", "source"),
    [
        ("c", "    foo(|);\n", "x * y", "    foo(x * y);\n"),
        ("go", "\tfoo(|)\n", "x, y*2", "\tfoo(x, y*2)\n"),
        ("java", "    register(|);\n", "Foo.class", "    register(Foo.class);\n"),
        ("typescript", "fetch(|);\n", "a ? b : c", "fetch(a ? b : c);\n"),
        ("c_sharp", "Add(|);\n", "a, b", "Add(a, b);\n"),
    ],
)
def test_a_call_is_no_signature(name: str, place: str, said: str, source: str) -> None:
    assert finished(place, said, name, "line", [source]) == said


def test_parameters_without_names_give_no_arguments() -> None:
    source = "int push(struct vec *, unsigned int);\n"
    assert finished("    push(|);\n", "struct vec *, unsigned int);", "c", "line", [source]) == ""
