//! `GET /v3/packages` in the edition 2015: byte for byte the API document, and valid and invalid queries.

use crate::support::{Server, WorkDir, error_2015, unknown_request};

/// The response in the API document, byte for byte.
const DOCUMENT: &str = include_str!("../fixtures/list-all-packages.response.json");
/// The token in the API document, signed with `tokensecret`.
const DOCUMENT_TOKEN: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoidWFhLWlkLTQ2MyIsImVtYWlsIjoiZW1haWwtMzMwQHNvbWVkb21haW4uY29tIiwic2NvcGUiOlsiY2xvdWRfY29udHJvbGxlci5yZWFkIiwiY2xvdWRfY29udHJvbGxlci53cml0ZSJdLCJhdWQiOlsiY2xvdWRfY29udHJvbGxlciJdLCJleHAiOjE0NDgwMzg5NzZ9.dm37W4BDu-f9e3clcGuanh9lmaV8vncptXJbxYpKQsA";

/// Returns the packages that the user of the API document sees: the two of the document and one like the second.
fn resources() -> [String; 3] {
    let resources = DOCUMENT
        .split_once("\"resources\": [\n")
        .expect("resources")
        .1;
    let (bits, docker) = resources
        .split_once(",\n    {\n      \"guid\"")
        .expect("two packages");
    let docker = docker.strip_suffix("\n  ]\n}\n").expect("an end");
    let docker = format!("    {{\n      \"guid\"{docker}");
    let third = docker
        .replace(
            "guid-c24fd786-9aad-4bd2-85de-511186485d21",
            "guid-1ab9a4fd-8c75-4d3e-a0f2-64e7b5c8d906",
        )
        .replace("location-of-image.com", "location-of-image-2.com");
    [bits.to_owned(), docker, third]
}

/// Returns the expected list of `resources`.
fn expected_list(resources: &[String], page: u64, per_page: usize) -> String {
    let link = |number: u64| {
        format!("{{\n      \"href\": \"/v3/packages?page={number}&per_page={per_page}\"\n    }}")
    };
    let last = resources.len().div_ceil(per_page).max(1) as u64;
    let next = if page < last {
        link(page + 1)
    } else {
        "null".into()
    };
    let previous = if page > 1 {
        link(page - 1)
    } else {
        "null".into()
    };
    let shown: Vec<&str> = resources
        .chunks(per_page)
        .nth(usize::try_from(page - 1).unwrap_or(usize::MAX))
        .unwrap_or_default()
        .iter()
        .map(String::as_str)
        .collect();
    let shown = match shown.as_slice() {
        [] => "[]".into(),
        shown => format!("[\n{}\n  ]", shown.join(",\n")),
    };
    format!(
        "{{\n  \"pagination\": {{\n    \"total_results\": {},\n    \"first\": {},\n    \"last\": {},\n    \
         \"next\": {next},\n    \"previous\": {previous}\n  }},\n  \"resources\": {shown}\n}}",
        resources.len(),
        link(1),
        link(last),
    )
}

/// Starts a server to which the curl command of the API document can be sent.
fn serve_example() -> (WorkDir, Server) {
    let dir = WorkDir::new();
    let server = dir.serve(&[
        "--seed",
        "example",
        "--token-key",
        "tokensecret",
        "--clock",
        "2015-11-13T17:03:00Z",
    ]);
    (dir, server)
}

#[test]
fn the_request_of_the_api_document_gets_the_response_of_the_api_document() {
    let (_dir, server) = serve_example();
    // As curl sends it, with the empty cookie and the host of the document.
    let response = server.send(format!(
        "GET /v3/packages?page=1&per_page=2 HTTP/1.1\r\nUser-Agent: curl/7.43.0\r\nAccept: */*\r\n\
         Authorization: bearer {DOCUMENT_TOKEN}\r\nHost: example.org\r\nCookie: \r\n\r\n"
    ));
    assert_eq!(response.status_and_body(), (200, DOCUMENT.trim_end()));
    assert_eq!(
        response.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    assert_eq!(
        expected_list(&resources(), 1, 2),
        DOCUMENT.trim_end(),
        "the expected lists of these tests"
    );
}

#[test]
fn the_token_of_the_api_document_is_expired_without_a_set_clock() {
    let dir = WorkDir::new();
    let server = dir.serve(&["--seed", "example", "--token-key", "tokensecret"]);
    assert_eq!(
        server
            .get("/v3/packages?page=1&per_page=2", DOCUMENT_TOKEN)
            .status_and_body(),
        (
            401,
            error_2015(1000, "CF-InvalidAuthToken", "Invalid Auth Token").as_str()
        )
    );
}

/// The response to a query.
enum Expected {
    /// 200 with the page of this number and size.
    Page(u64, usize),
    /// 400 with `The query parameter is invalid: ` and this text.
    Bad(&'static str),
    /// 400 with `The request is invalid`.
    Invalid,
}
use Expected::{Bad, Invalid, Page};

const QUERIES: &[(&str, Expected)] = &[
    ("", Page(1, 50)),
    ("?", Page(1, 50)),
    ("?page=1", Page(1, 50)),
    ("?page=1&per_page=2", Page(1, 2)),
    ("?page=2&per_page=2", Page(2, 2)),
    ("?per_page=2&page=2", Page(2, 2)),
    ("?per_page=1", Page(1, 1)),
    ("?page=2&per_page=1", Page(2, 1)),
    ("?page=3&per_page=1", Page(3, 1)),
    ("?per_page=3", Page(1, 3)),
    // Beyond the last page: the true total, and the previous page by arithmetic.
    ("?page=5&per_page=2", Page(5, 2)),
    ("?page=2", Page(2, 50)),
    (
        "?page=184467440737095516",
        Page(184_467_440_737_095_516, 50),
    ),
    (
        "?page=184467440737095517",
        Page(184_467_440_737_095_517, 50),
    ),
    (
        "?page=9223372036854775807&per_page=1",
        Page(9_223_372_036_854_775_807, 1),
    ),
    (
        "?page=9223372036854775808&per_page=1",
        Page(9_223_372_036_854_775_808, 1),
    ),
    // The database of a controller fails at such an offset; here it is a 400 with the text of `current`.
    (
        "?page=184467440737095518",
        Bad("Maximum result (page * per_page) must be less than 9223372036854775807"),
    ),
    (
        "?page=99999999999999999999",
        Bad("Maximum result (page * per_page) must be less than 9223372036854775807"),
    ),
    (
        "?page=9223372036854775809&per_page=1",
        Bad("Maximum result (page * per_page) must be less than 9223372036854775807"),
    ),
    (
        "?page=340282366920938463463374607431768211457&per_page=1",
        Bad("Maximum result (page * per_page) must be less than 9223372036854775807"),
    ),
    ("?page=0", Bad("Page must be greater than 0")),
    ("?page=-1", Bad("Page must be greater than 0")),
    ("?page=-0", Bad("Page must be greater than 0")),
    ("?page=abc", Bad("Page is not a number")),
    ("?page=", Bad("Page is not a number")),
    ("?page=%20", Bad("Page is not a number")),
    ("?page", Page(1, 50)),
    ("?page&per_page", Page(1, 50)),
    ("?page=1.5", Bad("Page must be an integer")),
    ("?page=1.0", Bad("Page must be an integer")),
    ("?page=1e2", Bad("Page must be an integer")),
    ("?page=1_0", Bad("Page must be an integer")),
    ("?page=2abc", Bad("Page is not a number")),
    ("?page=0x10", Bad("Page is not a number")),
    ("?page=+1", Bad("Page must be an integer")),
    ("?page=%2B1", Page(1, 50)),
    ("?page=01", Page(1, 50)),
    ("?page=1%0A", Page(1, 50)),
    ("?page=1%0A%0A", Bad("Page must be an integer")),
    ("?per_page=0", Bad("Per page must be greater than 0")),
    ("?per_page=-1", Bad("Per page must be greater than 0")),
    ("?per_page=5001", Bad("Per page must be between 1 and 5000")),
    ("?per_page=5000", Page(1, 5000)),
    ("?per_page=abc", Bad("Per page is not a number")),
    ("?per_page=", Bad("Per page is not a number")),
    ("?per_page=1.5", Bad("Per page must be an integer")),
    (
        "?per_page=9999999999",
        Bad("Per page must be between 1 and 5000"),
    ),
    (
        "?per_page=9999999999999999999999",
        Bad("Per page must be between 1 and 5000"),
    ),
    (
        "?page=0&per_page=0",
        Bad("Page must be greater than 0, Per page must be greater than 0"),
    ),
    (
        "?per_page=0&page=0",
        Bad("Page must be greater than 0, Per page must be greater than 0"),
    ),
    ("?page=0&per_page=5001", Bad("Page must be greater than 0")),
    ("?foo=1", Bad("Unknown query parameter(s): 'foo'")),
    (
        "?invalid=thing&bad=stuff",
        Bad("Unknown query parameter(s): 'invalid', 'bad'"),
    ),
    (
        "?bad=stuff&invalid=thing",
        Bad("Unknown query parameter(s): 'bad', 'invalid'"),
    ),
    ("?foo[]=1", Bad("Unknown query parameter(s): 'foo'")),
    ("?foo%5B%5D=1", Bad("Unknown query parameter(s): 'foo'")),
    ("?foo[a]=1", Bad("Unknown query parameter(s): 'foo'")),
    ("?foo", Bad("Unknown query parameter(s): 'foo'")),
    (
        "?foo=1&page=0",
        Bad("Unknown query parameter(s): 'foo', Page must be greater than 0"),
    ),
    (
        "?page=0&foo=1",
        Bad("Unknown query parameter(s): 'foo', Page must be greater than 0"),
    ),
    ("?page=1&page=2", Page(2, 50)),
    ("?page=2&page=1", Page(1, 50)),
    ("?page=x&page=1", Page(1, 50)),
    ("?page[]=1", Bad("Page is not a number")),
    ("?page[a]=1", Bad("Page is not a number")),
    ("?per_page[]=1", Bad("Per page is not a number")),
    ("?Page=1", Bad("Unknown query parameter(s): 'Page'")),
    (
        "?order_by=created_at",
        Bad("Unknown query parameter(s): 'order_by'"),
    ),
    (
        "?order_by=-created_at",
        Bad("Unknown query parameter(s): 'order_by'"),
    ),
    (
        "?order_by=%2Bcreated_at",
        Bad("Unknown query parameter(s): 'order_by'"),
    ),
    (
        "?order_by=name",
        Bad("Unknown query parameter(s): 'order_by'"),
    ),
    ("?order_by=", Bad("Unknown query parameter(s): 'order_by'")),
    ("?states=READY", Bad("Unknown query parameter(s): 'states'")),
    ("?states=", Bad("Unknown query parameter(s): 'states'")),
    ("?states", Bad("Unknown query parameter(s): 'states'")),
    (
        "?states[]=READY",
        Bad("Unknown query parameter(s): 'states'"),
    ),
    (
        "?states[x]=READY",
        Bad("Unknown query parameter(s): 'states'"),
    ),
    ("?types=bits", Bad("Unknown query parameter(s): 'types'")),
    ("?guids=x", Bad("Unknown query parameter(s): 'guids'")),
    (
        "?app_guids=x",
        Bad("Unknown query parameter(s): 'app_guids'"),
    ),
    (
        "?space_guids=x",
        Bad("Unknown query parameter(s): 'space_guids'"),
    ),
    (
        "?organization_guids=x",
        Bad("Unknown query parameter(s): 'organization_guids'"),
    ),
    (
        "?created_ats=2020-01-01T00:00:00Z",
        Bad("Unknown query parameter(s): 'created_ats'"),
    ),
    (
        "?created_ats[gt]=2020-01-01T00:00:00Z",
        Bad("Unknown query parameter(s): 'created_ats'"),
    ),
    (
        "?updated_ats=bogus",
        Bad("Unknown query parameter(s): 'updated_ats'"),
    ),
    (
        "?label_selector=a",
        Bad("Unknown query parameter(s): 'label_selector'"),
    ),
    (
        "?app_guid=nope",
        Bad("Unknown query parameter(s): 'app_guid'"),
    ),
    (
        "?package_guid=x",
        Bad("Unknown query parameter(s): 'package_guid'"),
    ),
    ("?format=xml", Bad("Unknown query parameter(s): 'format'")),
    (
        "?action=x&controller=x",
        Bad("Unknown query parameter(s): 'action', 'controller'"),
    ),
    // `;` separates parameters as `&` does.
    ("?page=2;per_page=2", Page(2, 2)),
    ("?page=2&;&per_page=2&", Page(2, 2)),
    ("?=1&page=1", Page(1, 50)),
    ("?page=%zz", Invalid),
    ("?page=%ff", Invalid),
    ("?page=1&page[a]=2", Invalid),
    // JSON escapes the quote and the backslash.
    (
        "?a%22b%5Cc=1",
        Bad("Unknown query parameter(s): 'a\\\"b\\\\c'"),
    ),
];

#[test]
fn each_query_gets_its_page_or_its_error() {
    let (_dir, server) = serve_example();
    let resources = resources();
    for (query, expected) in QUERIES {
        let response = server.get(&format!("/v3/packages{query}"), DOCUMENT_TOKEN);
        let (status, body) = match expected {
            Page(page, per_page) => (200, expected_list(&resources, *page, *per_page)),
            Bad(text) => (
                400,
                error_2015(
                    10005,
                    "CF-BadQueryParameter",
                    &format!("The query parameter is invalid: {text}"),
                ),
            ),
            Invalid => (
                400,
                error_2015(10004, "CF-InvalidRequest", "The request is invalid"),
            ),
        };
        assert_eq!(
            response.status_and_body(),
            (status, body.as_str()),
            "{query}"
        );
    }
}

#[test]
fn an_empty_database_has_an_empty_first_page() {
    let dir = WorkDir::new();
    let server = dir.serve(&[]);
    let token = dir.admin_token();
    for (query, page, per_page) in [("", 1, 50), ("?page=3&per_page=7", 3, 7)] {
        assert_eq!(
            server
                .get(&format!("/v3/packages{query}"), &token)
                .status_and_body(),
            (200, expected_list(&[], page, per_page).as_str())
        );
    }
}

#[test]
fn a_package_by_guid_equals_its_resource_in_the_list() {
    let (_dir, server) = serve_example();
    for (guid, resource) in [
        ("guid-c7c3b552-28f0-42f9-9e1f-d231fcdd4a78", 0),
        ("guid-c24fd786-9aad-4bd2-85de-511186485d21", 1),
        ("guid-1ab9a4fd-8c75-4d3e-a0f2-64e7b5c8d906", 2),
    ] {
        let expected = resources()[resource]
            .replace("\n    ", "\n")
            .trim_start()
            .to_owned();
        // The query is ignored.
        for target in [
            format!("/v3/packages/{guid}"),
            format!("/v3/packages/{guid}?page=0&foo=1"),
        ] {
            assert_eq!(
                server.get(&target, DOCUMENT_TOKEN).status_and_body(),
                (200, expected.as_str())
            );
        }
    }
    let missing = error_2015(10010, "CF-ResourceNotFound", "Package not found");
    for guid in [
        "nope",
        "guid-d83f6b12-95e0-4a7c-b4d1-0e2c7f9a5b07",
        "%2e%2e",
    ] {
        let response = server.get(&format!("/v3/packages/{guid}"), DOCUMENT_TOKEN);
        assert_eq!(
            response.status_and_body(),
            (404, missing.as_str()),
            "{guid}"
        );
    }
    // A path with characters that no guid contains is an unknown route.
    for guid in ["x'%20or%201=1", "%00", "%ff", "a%25b", "a%3Fb"] {
        let response = server.get(&format!("/v3/packages/{guid}"), DOCUMENT_TOKEN);
        assert_eq!(
            response.status_and_body(),
            (404, unknown_request().as_str()),
            "{guid}"
        );
    }
}

#[test]
fn the_packages_of_an_app_are_a_list() {
    let (_dir, server) = serve_example();
    let app = "/v3/apps/guid-459131aa-d1d2-4ce1-a5e7-c6a2a0429202/packages";
    let expected = expected_list(&resources(), 1, 2).replace("/v3/packages?", &format!("{app}?"));
    assert_eq!(
        server
            .get(&format!("{app}?page=1&per_page=2"), DOCUMENT_TOKEN)
            .status_and_body(),
        (200, expected.as_str())
    );
    let missing = error_2015(10010, "CF-ResourceNotFound", "App not found");
    let bad = error_2015(
        10005,
        "CF-BadQueryParameter",
        "The query parameter is invalid: Page must be greater than 0",
    );
    for guid in ["nope", "guid-7a3e5d90-4b2c-4186-8f0d-c1b69e7d4f05"] {
        let target = format!("/v3/apps/{guid}/packages");
        assert_eq!(
            server.get(&target, DOCUMENT_TOKEN).status_and_body(),
            (404, missing.as_str())
        );
        // The query is checked before the app.
        assert_eq!(
            server
                .get(&format!("{target}?page=0"), DOCUMENT_TOKEN)
                .status_and_body(),
            (400, bad.as_str())
        );
    }
}

#[test]
fn a_password_is_shown_as_asterisks_and_every_other_field_as_stored() {
    let dir = WorkDir::new();
    dir.write(
        "seed.json",
        r#"{"organizations": [{"name": "o"}], "spaces": [{"name": "s", "organization": "o"}],
            "apps": [{"name": "a", "guid": "app", "space": "s"}],
            "packages": [
              {"guid": "docker", "app": "a", "type": "docker", "image": "i", "store_image": true,
               "credentials": {"user": "u", "password": "hunter2", "email": "e", "login_server": "l"},
               "created_at": "2020-02-29T00:00:00Z", "updated_at": "2021-01-01T00:00:01Z"},
              {"guid": "partly", "app": "a", "type": "docker", "image": "i", "credentials": {"user": "u"},
               "created_at": "1970-01-01T00:00:01Z"},
              {"guid": "failed", "app": "a", "type": "bits", "state": "FAILED", "error": "no \"space\"\n",
               "sha1": "2aae6c35c94fcfb415dbe95f408b9ce91ee846ed", "created_at": "9999-12-31T23:59:59Z"}]}"#,
    );
    let server = dir.serve(&["--seed", "seed.json"]);
    let body = server.get("/v3/packages", &dir.admin_token()).body;
    for part in [
        r#"    {
      "guid": "docker",
      "type": "docker",
      "data": {
        "hash": {
          "type": "sha1",
          "value": null
        },
        "error": null,
        "image": "i",
        "credentials": {
          "user": "u",
          "email": "e",
          "password": "***",
          "login_server": "l"
        },
        "store_image": true
      },
      "state": "READY",
      "created_at": "2020-02-29T00:00:00Z",
      "updated_at": "2021-01-01T00:00:01Z",
"#,
        r#"        "credentials": {
          "user": "u",
          "email": null,
          "password": null,
          "login_server": null
        },
        "store_image": false
      },
      "state": "READY",
      "created_at": "1970-01-01T00:00:01Z",
      "updated_at": null,
"#,
        r#"        "hash": {
          "type": "sha1",
          "value": "2aae6c35c94fcfb415dbe95f408b9ce91ee846ed"
        },
        "error": "no \"space\"\n"
      },
      "state": "FAILED",
      "created_at": "9999-12-31T23:59:59Z",
"#,
    ] {
        assert!(body.contains(part), "{part}\nis missing in\n{body}");
    }
    assert!(!body.contains("hunter2"));
}
