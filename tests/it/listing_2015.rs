//! `GET /v3/packages` in the edition 2015: the API document to the letter, and every odd query.

use crate::support::{Bench, Server, refusal, unknown_request};

/// The API document's own answer, byte for byte.
const DOCUMENT: &str = include_str!("../fixtures/list-all-packages.response.json");
/// The API document's own token, signed with `tokensecret`.
const DOCUMENT_TOKEN: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoidWFhLWlkLTQ2MyIsImVtYWlsIjoiZW1haWwtMzMwQHNvbWVkb21haW4uY29tIiwic2NvcGUiOlsiY2xvdWRfY29udHJvbGxlci5yZWFkIiwiY2xvdWRfY29udHJvbGxlci53cml0ZSJdLCJhdWQiOlsiY2xvdWRfY29udHJvbGxlciJdLCJleHAiOjE0NDgwMzg5NzZ9.dm37W4BDu-f9e3clcGuanh9lmaV8vncptXJbxYpKQsA";

/// What the document's user sees: the two packages of the document and one more like the second.
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

/// A page of `resources`, written by hand and arithmetic alone.
fn document(resources: &[String], page: u64, per_page: usize) -> String {
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

/// The example, served as the document's own curl line needs it.
fn example() -> (Bench, Server) {
    let bench = Bench::new();
    let server = bench.serve(&[
        "--seed",
        "example",
        "--token-key",
        "tokensecret",
        "--clock",
        "2015-11-13T17:03:00Z",
    ]);
    (bench, server)
}

#[test]
fn the_documents_own_request_gets_the_documents_own_answer() {
    let (_bench, server) = example();
    // What its curl line sends, the empty cookie and the other host included.
    let answer = server.ask(format!(
        "GET /v3/packages?page=1&per_page=2 HTTP/1.1\r\nUser-Agent: curl/7.43.0\r\nAccept: */*\r\n\
         Authorization: bearer {DOCUMENT_TOKEN}\r\nHost: example.org\r\nCookie: \r\n\r\n"
    ));
    assert_eq!(answer.told(), (200, DOCUMENT.trim_end()));
    assert_eq!(
        answer.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    assert_eq!(
        document(&resources(), 1, 2),
        DOCUMENT.trim_end(),
        "the oracle of these tests"
    );
}

#[test]
fn the_documents_token_expired_in_2015() {
    let bench = Bench::new();
    let server = bench.serve(&["--seed", "example", "--token-key", "tokensecret"]);
    assert_eq!(
        server
            .get("/v3/packages?page=1&per_page=2", DOCUMENT_TOKEN)
            .told(),
        (
            401,
            refusal(1000, "CF-InvalidAuthToken", "Invalid Auth Token").as_str()
        )
    );
}

/// What a query is answered with.
enum Told {
    /// 200 with this page of so many.
    Page(u64, usize),
    /// 400 with this after `The query parameter is invalid: `.
    Bad(&'static str),
    /// 400 without more.
    Invalid,
}
use Told::{Bad, Invalid, Page};

const QUERIES: &[(&str, Told)] = &[
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
    // Where the controller's database fails on the offset: 400 with today's words.
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
    // Both separate here.
    ("?page=2;per_page=2", Page(2, 2)),
    ("?page=2&;&per_page=2&", Page(2, 2)),
    ("?=1&page=1", Page(1, 50)),
    ("?page=%zz", Invalid),
    ("?page=%ff", Invalid),
    ("?page=1&page[a]=2", Invalid),
    // What JSON must escape is escaped.
    (
        "?a%22b%5Cc=1",
        Bad("Unknown query parameter(s): 'a\\\"b\\\\c'"),
    ),
];

#[test]
fn every_query_is_answered_as_in_2015() {
    let (_bench, server) = example();
    let resources = resources();
    for (query, told) in QUERIES {
        let answer = server.get(&format!("/v3/packages{query}"), DOCUMENT_TOKEN);
        let expected = match told {
            Page(page, per_page) => (200, document(&resources, *page, *per_page)),
            Bad(text) => (
                400,
                refusal(
                    10005,
                    "CF-BadQueryParameter",
                    &format!("The query parameter is invalid: {text}"),
                ),
            ),
            Invalid => (
                400,
                refusal(10004, "CF-InvalidRequest", "The request is invalid"),
            ),
        };
        assert_eq!(answer.told(), (expected.0, expected.1.as_str()), "{query}");
    }
}

#[test]
fn an_empty_database_has_an_empty_first_page() {
    let bench = Bench::new();
    let server = bench.serve(&[]);
    let token = bench.admin_token();
    for (query, page, per_page) in [("", 1, 50), ("?page=3&per_page=7", 3, 7)] {
        assert_eq!(
            server.get(&format!("/v3/packages{query}"), &token).told(),
            (200, document(&[], page, per_page).as_str())
        );
    }
}

#[test]
fn one_package_looks_as_it_does_in_the_list() {
    let (_bench, server) = example();
    for (guid, resource) in [
        ("guid-c7c3b552-28f0-42f9-9e1f-d231fcdd4a78", 0),
        ("guid-c24fd786-9aad-4bd2-85de-511186485d21", 1),
        ("guid-1ab9a4fd-8c75-4d3e-a0f2-64e7b5c8d906", 2),
    ] {
        let expected = resources()[resource]
            .replace("\n    ", "\n")
            .trim_start()
            .to_owned();
        // Its query is not looked at.
        for target in [
            format!("/v3/packages/{guid}"),
            format!("/v3/packages/{guid}?page=0&foo=1"),
        ] {
            assert_eq!(
                server.get(&target, DOCUMENT_TOKEN).told(),
                (200, expected.as_str())
            );
        }
    }
    let missing = refusal(10010, "CF-ResourceNotFound", "Package not found");
    for guid in [
        "nope",
        "guid-d83f6b12-95e0-4a7c-b4d1-0e2c7f9a5b07",
        "%2e%2e",
    ] {
        let answer = server.get(&format!("/v3/packages/{guid}"), DOCUMENT_TOKEN);
        assert_eq!(answer.told(), (404, missing.as_str()), "{guid}");
    }
    // Escapes of what no guid holds lead to no route at all.
    for guid in ["x'%20or%201=1", "%00", "%ff", "a%25b", "a%3Fb"] {
        let answer = server.get(&format!("/v3/packages/{guid}"), DOCUMENT_TOKEN);
        assert_eq!(answer.told(), (404, unknown_request().as_str()), "{guid}");
    }
}

#[test]
fn an_apps_packages_are_a_list_of_their_own() {
    let (_bench, server) = example();
    let app = "/v3/apps/guid-459131aa-d1d2-4ce1-a5e7-c6a2a0429202/packages";
    let expected = document(&resources(), 1, 2).replace("/v3/packages?", &format!("{app}?"));
    assert_eq!(
        server
            .get(&format!("{app}?page=1&per_page=2"), DOCUMENT_TOKEN)
            .told(),
        (200, expected.as_str())
    );
    let missing = refusal(10010, "CF-ResourceNotFound", "App not found");
    let bad = refusal(
        10005,
        "CF-BadQueryParameter",
        "The query parameter is invalid: Page must be greater than 0",
    );
    for guid in ["nope", "guid-7a3e5d90-4b2c-4186-8f0d-c1b69e7d4f05"] {
        let target = format!("/v3/apps/{guid}/packages");
        assert_eq!(
            server.get(&target, DOCUMENT_TOKEN).told(),
            (404, missing.as_str())
        );
        // The query is judged first.
        assert_eq!(
            server
                .get(&format!("{target}?page=0"), DOCUMENT_TOKEN)
                .told(),
            (400, bad.as_str())
        );
    }
}

#[test]
fn a_password_is_never_shown_and_everything_else_is() {
    let bench = Bench::new();
    bench.write(
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
    let server = bench.serve(&["--seed", "seed.json"]);
    let body = server.get("/v3/packages", &bench.admin_token()).body;
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
        assert!(body.contains(part), "{part}\nis not in\n{body}");
    }
    assert!(!body.contains("hunter2"));
}
