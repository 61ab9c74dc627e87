"""What becomes of a document: tools, where their calls go, and what is left out, said at the start."""

import pytest

from reference_impl.server.errors import SetupError
from reference_impl.servers.gateway import GatewaySettings, Limits, make_server
from tests.reference_impl.servers.gateway.world import document, gateway, operation, parameter, saved

BODY = {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}, "required": True}}


def tools(folder, value, **more):
    return {tool.name: tool.wire for tool in gateway(folder, value, **more).tools.values()}


def told(folder, value, **more):
    lines = []
    settings = GatewaySettings(document=saved(folder, value), **{"write": True, "environ": {}, **more})
    make_server(settings, tell=lines.append)
    return "\n".join(lines)


def test_names_are_valid_and_no_two_alike(tmp_path):
    paths = {
        "/a": {"get": operation(operationId="list things/all"), "post": operation(operationId="List_things_all")},
        "/b/{id}": {"get": operation(), "delete": operation(operationId="x" * 200)},
        "/c": {"get": operation(operationId="x" * 200), "put": operation(operationId="***")},
    }
    names = list(tools(tmp_path, document(paths)))
    long = "x" * 64
    assert names == ["list_things_all", "List_things_all_2", "get_b_id", long, long[:62] + "_2", "put"]


def test_places_that_share_a_name_are_told_apart(tmp_path):
    parameters = [
        parameter("id", "path", description="Which one"),
        parameter("id", "query"),
        parameter("filter[name]", "query"),
        parameter("body", "header"),
        parameter("context", "query"),
    ]
    [tool] = tools(tmp_path, document({"/a/{id}": {"post": operation(parameters=parameters, **BODY)}})).values()
    schema = tool["inputSchema"]
    assert list(schema["properties"]) == ["path_id", "query_id", "filter_name", "header_body", "query_context", "body"]
    assert schema["properties"]["path_id"]["minLength"] == 1
    assert schema["properties"]["path_id"]["description"] == "Which one (the path parameter id)"
    assert schema["required"] == ["path_id", "body"]
    assert schema["additionalProperties"] is False


def test_annotations_follow_the_method(tmp_path):
    methods = ("get", "head", "post", "put", "patch", "delete", "trace")
    found = tools(tmp_path, document({"/a": {method: operation(operationId=method) for method in methods}}))
    hints = {name: tool["annotations"] for name, tool in found.items()}
    assert {name for name, hint in hints.items() if hint["readOnlyHint"]} == {"get", "head"}
    assert {name for name, hint in hints.items() if hint["idempotentHint"]} == {"get", "head", "put", "delete"}
    assert {name for name, hint in hints.items() if not hint["destructiveHint"]} == {"get", "head"}
    assert "trace" not in found


def test_without_write_only_what_reads_is_offered(tmp_path):
    paths = {"/a": {method: operation(operationId=method) for method in ("get", "head", "post", "delete", "options")}}
    assert set(tools(tmp_path, document(paths), write=None)) == {"get", "head"}
    assert set(tools(tmp_path, document(paths), write=False)) == {"get", "head"}
    with pytest.raises(SetupError, match="1 change something and need --write"):
        tools(tmp_path, document({"/a": {"post": operation()}}), write=None)


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"include": ("tag:a",)}, {"one", "two"}),
        ({"include": ("tag:a", "id:three")}, {"one", "two", "three"}),
        ({"include": ("method:post",)}, {"two"}),
        ({"include": ("t*",)}, {"two", "three"}),
        ({"exclude": ("tag:a",)}, {"three"}),
        ({"include": ("tag:a",), "exclude": ("method:POST",)}, {"one"}),
    ],
)
def test_operations_are_chosen_by_tag_method_and_id(tmp_path, choice, names):
    paths = {
        "/1": {"get": operation(operationId="one", tags=["a"])},
        "/2": {"post": operation(operationId="two", tags=["a", "b"])},
        "/3": {"get": operation(operationId="three")},
    }
    assert set(tools(tmp_path, document(paths), **choice)) == names


def test_a_choice_that_fits_nothing_is_a_mistake(tmp_path):
    value = document({"/1": {"get": operation(operationId="one", tags=["a"])}})
    for choice in ({"exclude": ("tag:typo",)}, {"include": ("method:put",)}, {"include": ("id:nothing",)}):
        with pytest.raises(SetupError, match=r"fits no operation.*Its tags: a"):
            tools(tmp_path, value, **choice)
    with pytest.raises(SetupError, match="no operation is left"):
        tools(tmp_path, value, exclude=("one",))


def test_where_nothing_can_be_used_the_reason_is_said(tmp_path):
    with pytest.raises(SetupError, match=r"can be offered: GET /a: it is not written as OpenAPI asks"):
        told(tmp_path, document({"/a": {"get": operation()}}, security=5, servers=[{"url": "https://a.example"}]))


def test_too_many_operations_have_to_be_chosen_from(tmp_path):
    value = document({f"/{number}": {"get": operation(tags=["a"])} for number in range(5)})
    with pytest.raises(SetupError, match=r"5 operations are more than 4: choose with --include. Its tags: a"):
        tools(tmp_path, value, limits=Limits(most_tools=4))


def test_what_cannot_be_used_is_left_out_and_said(tmp_path):
    paths = {
        "/fine": {"get": operation(), "x-more": 1},
        "/elsewhere": {"get": operation(parameters=[{"$ref": "common.yaml#/id"}])},
        "/circle": {"get": operation(parameters=[parameter("a", "query", {"$ref": "#/components/schemas/A"})])},
        "/odd": {"get": operation(parameters=[parameter("a", "nowhere")])},
        "/mad": {"get": operation(tags=5)},
        "/up/../down": {"get": operation()},
        "x-extension": {},
    }
    value = document(
        paths, components={"schemas": {"A": {"$ref": "#/components/schemas/A"}}}, servers=[{"url": "http://h"}]
    )
    text = told(tmp_path, value)
    assert "1 tool, calls go to http://h\n" in text
    for line in (
        "left out: GET /elsewhere: 'common.yaml#/id' is in another file",
        "left out: GET /circle: ",
        "left out: GET /odd: its parameter a is in 'nowhere'",
        "left out: GET /mad: it is not written as OpenAPI asks",
        "left out: GET /up/../down: its path has . or ..",
    ):
        assert line in text


def test_texts_say_what_a_model_needs_and_hide_nothing(tmp_path):
    node = operation(summary="List\u202e it", description="All \U000e0041of them.", deprecated=True, operationId="a")
    tool = tools(tmp_path, document({"/a": {"get": node}}))["a"]
    assert tool["description"] == "Deprecated. List it\n\nAll of them.\n\n(GET /a)"
    assert tool["title"] == "List it"


def test_headers_that_are_not_for_arguments_are_none(tmp_path):
    names = [
        "Host",
        "Authorization",
        "Cookie",
        "Content-Length",
        "X-Forwarded-For",
        "Accept",
        "X-Fine",
        "X-Key",
        "X_Key",
        "X_Forwarded_For",
        "X-Forwarded-Prefix",
        "X-Original-URL",
        "X-Rewrite-URL",
        "hOsT",
    ]
    node = operation(operationId="a", parameters=[parameter(name, "header") for name in names])
    schemes = {"key": {"type": "apiKey", "in": "header", "name": "x-key"}}
    tool = tools(tmp_path, document({"/a": {"get": node}}, components={"securitySchemes": schemes}))["a"]
    assert list(tool["inputSchema"]["properties"]) == ["X-Fine"]


def test_an_output_schema_is_declared_where_every_success_is_one_kind_of_object(tmp_path):
    def answers(**statuses):
        return {
            "responses": {
                status.strip("s"): {"content": {kind: {"schema": schema}}}
                for status, (kind, schema) in statuses.items()
            }
        }

    thing = ("application/json", {"type": "object", "properties": {"a": {"type": "string"}}})
    paths = {
        "/yes": {"get": answers(s200=thing, s404=("text/plain", {}))},
        "/two": {"get": answers(s200=thing, s201=thing)},
        "/list": {"get": answers(s200=("application/json", {"type": "array"}))},
        "/text": {"get": answers(s200=("text/plain", {"type": "string"}))},
        "/none": {"get": {"responses": {"204": {"description": "Nothing"}}}},
    }
    found = tools(tmp_path, document(paths))
    assert [name for name, tool in found.items() if "outputSchema" in tool] == ["get_yes"]
    assert not [
        tool for tool in tools(tmp_path, document(paths), output_schemas=False).values() if "outputSchema" in tool
    ]


def test_patterns_that_only_javascript_knows_are_dropped(tmp_path):
    schema = {"type": "string", "pattern": "(?<name>a)\\k<name>[", "maxLength": 3}
    [tool] = tools(
        tmp_path, document({"/a": {"get": operation(parameters=[parameter("a", "query", schema)])}})
    ).values()
    assert tool["inputSchema"]["properties"]["a"] == {"type": "string", "maxLength": 3}


# Where calls go ---------------------------------------------------------------------------------

ONE = {"/a": {"get": operation(operationId="a")}}


@pytest.mark.parametrize(
    ("servers", "more", "words"),
    [
        ([{"url": "https://api.example/v1/"}], {}, "calls go to https://api.example/v1\n"),
        ([{"url": "https://API.example:443"}], {}, "calls go to https://api.example\n"),
        ([{"url": "https://api.example"}], {"server": "http://[::1]:80/x"}, "calls go to http://[::1]/x\n"),
        (
            [{"url": "https://{region}.example", "variables": {"region": {"default": "eu", "enum": ["eu", "us"]}}}],
            {"variables": {"region": "us"}},
            "calls go to https://us.example\n",
        ),
    ],
)
def test_the_server_is_said(tmp_path, servers, more, words):
    assert words in told(tmp_path, document(ONE, servers=servers), **more) + "\n"


@pytest.mark.parametrize(
    ("servers", "more", "words"),
    [
        ([], {}, "names no host"),
        ([{"url": "/v1"}], {}, "names no host.*--server URL"),
        ([{"url": "ftp://a.example"}], {}, "must look like"),
        ([{"url": "https://user:hidden@a.example"}], {}, "must look like"),
        ([{"url": "https://a.example/?a=b"}], {}, "nothing after the path"),
        ([{"url": "https://a.example/../x"}], {}, r"must not have \. or"),
        ([{"url": "https://{host}"}], {}, "--server-variable host=VALUE"),
        ([{"url": "https://{h}", "variables": {"h": {"enum": ["a"]}}}], {"variables": {"h": "b"}}, "must be one of a"),
        ([{"url": "https://a@{h}", "variables": {"h": {"enum": 5, "default": "b"}}}], {}, "must look like"),
        ([{"url": "https://a.example"}], {"variables": {"b": "c"}}, "no server URL has a variable"),
        ([{"url": "https://a.example:99999"}], {}, "malformed"),
        ([{"url": "https://a.example/a b"}], {}, "percent-encode"),
    ],
)
def test_a_server_that_is_none_is_refused(tmp_path, servers, more, words):
    with pytest.raises(SetupError, match=words) as refused:
        told(tmp_path, document(ONE, servers=servers), **more)
    assert "hidden" not in str(refused.value)


def test_an_operation_with_a_server_elsewhere_needs_a_word_of_the_operator(tmp_path):
    paths = {"/a": {"get": operation()}, "/b": {"get": operation(servers=[{"url": "https://other.example/x"}])}}
    value = document(paths, servers=[{"url": "https://api.example"}])
    assert "left out: GET /b: it has a server of its own: say --allow-origin https://other.example" in told(
        tmp_path, value
    )
    allowed = told(tmp_path, value, allow_origins=("https://other.example",))
    assert "2 tools" in allowed
    assert "some calls go to https://other.example/x" in allowed


def test_without_a_document_there_is_the_sample():
    lines = []
    server = make_server(tell=lines.append)
    assert lines[0].startswith("gateway to Notes (sample): 7 tools")
    assert {"list_notes", "create_note"} <= set(server.tools)
    assert "delete_note" not in make_server(GatewaySettings(write=False)).tools
    with pytest.raises(SetupError, match="--server needs an OpenAPI document"):
        make_server(GatewaySettings(server="http://a.example"))
