//! Makes requests: right ones, and right ones with a few changes.

use super::changes::{CHANGES, WORDS as CHANGE_WORDS, uploads};
use crate::mutation::mutate;
use crate::support::random::Random;

const TARGETS: &str = include_str!("../../../fuzz/corpus/query.txt");
const SELECTORS: &str = include_str!("../../../fuzz/corpus/selector.txt");
/// Words that mean something in a request.
pub const WORDS: &[&str] = &[
    "page",
    "per_page",
    "order_by",
    "guids",
    "states",
    "types",
    "app_guids",
    "app_guid",
    "space_guids",
    "organization_guids",
    "label_selector",
    "created_ats",
    "updated_ats",
    "[gt]",
    "[lte]",
    "[]",
    "include",
    "names",
    "stacks",
    "lifecycle_type",
    "space.organization",
    "-created_at",
    "%2Bupdated_at",
    "READY",
    "bits,docker",
    "%2C",
    "%00",
    "%FF",
    "%25",
    "%",
    "&",
    "=",
    "?",
    "/",
    "//",
    "..",
    "/v3/packages",
    "/v3/apps/",
    ".json",
    ";",
    "+",
    "2020-01-01T00:00:00Z",
    "in (",
    "notin (",
    "!=",
    "==",
];

const METHODS: &[&str] = &[
    "GET", "GET", "GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS",
    "TRACE", "get", "X",
];
const PATHS: &[&str] = &[
    "/",
    "/v3",
    "/v3/info",
    "/v3/packages",
    "/v3/apps",
    "/v3/spaces",
    "/v3/organizations",
    "/login",
    "/healthz",
    "/openapi.json",
    "/admin/export",
    "/v3/packages/x/upload",
    "/v3/packages/stored/download",
    "/v3/packages/stored/droplets",
    "/v3/builds",
    "/v3/jobs/x",
    "/v3/droplets",
    "/v2/info",
    "/ui/",
    "/metrics",
    "*",
    "http://x/v3/packages",
    "http://evil.example/v3",
    "//x",
    "/v3/packages/..%2f..",
    "/v3/packages/%00",
];
const HEADERS: &[&str] = &[
    "If-None-Match: *",
    "If-None-Match: \"x\", W/\"y\"",
    "If-Modified-Since: x",
    "Range: bytes=0-1",
    "Accept: text/html",
    "Accept-Encoding: gzip",
    "X-Vcap-Request-Id: a b/c\u{e4}",
    "Origin: http://evil.example",
    "Sec-Fetch-Site: cross-site",
    "Host: y",
    "Host: ",
    "Connection: close",
    "Connection: upgrade",
    "Upgrade: h2c",
    "Expect: 100-continue",
    "Content-Type: text/plain",
    "Cookie: a=b",
    "X-Forwarded-Host: evil.example",
    "Transfer-Encoding: identity",
];
const FORMS: &[&str] = &[
    "grant_type=password&client_id=cf&client_secret=&username=admin&password=secret",
    "grant_type=password&client_id=cf&client_secret=&username=admin&password=wrong",
    "grant_type=refresh_token&client_id=cf&client_secret=&refresh_token=a.b.c",
    "grant_type=client_credentials&client_id=nobody&client_secret=secret&scope=cloud_controller.read",
    "grant_type=&grant_type=x",
];
const BODIES: &[&str] = &[
    r#"{"organizations": [{"name": "acme", "suspended": true}]}"#,
    r#"{"packages": [{"app": "shop", "type": "docker", "image": "i", "labels": {"a": "b"}}]}"#,
    r#"{"name": "demo"}"#,
    r#"{"organization": {"name": "x"}}"#,
    "[]",
    "null",
    "",
];

/// A request.
pub struct Made {
    pub raw: Vec<u8>,
    pub method: String,
    /// The path and query; `None` if the bytes of the request were changed, or if it names another host, so that any
    /// error is right.
    pub target: Option<String>,
    /// Whether it is one request that has to be answered.
    pub is_well_formed: bool,
}

impl Made {
    pub fn is_head(&self) -> bool {
        self.raw.starts_with(b"HEAD ")
    }
}

pub struct Maker {
    targets: Vec<Vec<u8>>,
    selectors: Vec<Vec<u8>>,
    bodies: Vec<Vec<u8>>,
    forms: Vec<Vec<u8>>,
    changes: Vec<Vec<u8>>,
    uploads: Vec<Vec<u8>>,
    /// An admin's token and a user's.
    tokens: [String; 2],
}

fn owned(texts: impl IntoIterator<Item = &'static str>) -> Vec<Vec<u8>> {
    texts
        .into_iter()
        .map(|text| text.as_bytes().to_vec())
        .collect()
}

impl Maker {
    pub fn new(tokens: [String; 2]) -> Self {
        Self {
            targets: owned(TARGETS.lines()),
            selectors: owned(SELECTORS.lines()),
            bodies: owned(BODIES.iter().copied()),
            forms: owned(FORMS.iter().copied()),
            changes: owned(CHANGES.iter().map(|(_, _, body)| *body)),
            uploads: uploads(),
            tokens,
        }
    }

    /// Returns a request that differs from all others.
    pub fn request(&self, random: &mut Random) -> Made {
        let made = match random.below(20) {
            0 => self.with_body(random, "/admin/seed", &self.bodies),
            1 => self.with_body(random, "/oauth/token", &self.forms),
            2 => self.large(random),
            3..6 => self.change(random),
            6 => {
                let path = *random.choose(&["waiting", "waiting", "docker", "nope"]);
                let body = random.choose(&self.uploads);
                let body = Self::changed(random, body, &self.uploads);
                self.made(random, "POST", format!("/v3/packages/{path}/upload"), &body)
            }
            7 | 8 => {
                let (method, path) = (*random.choose(METHODS), *random.choose(PATHS));
                self.made(random, method, path.into(), b"")
            }
            9..12 => self.selector(random),
            _ => self.mutated_target(random),
        };
        if random.one_in(7) {
            return self.mutated(random, &made);
        }
        made
    }

    fn mutated_target(&self, random: &mut Random) -> Made {
        let target = random.choose(&self.targets);
        let target = mutate(random, target, &self.targets, WORDS);
        // Only what may be in a request line; `mutated` sends all bytes.
        let visible: String = target
            .iter()
            .filter(|byte| byte.is_ascii_graphic() && **byte != b'#')
            .map(|byte| char::from(*byte))
            .collect();
        let target = format!("/{}", visible.trim_start_matches('/'));
        let method = if random.one_in(20) { "HEAD" } else { "GET" };
        self.made(random, method, target, b"")
    }

    fn selector(&self, random: &mut Random) -> Made {
        let selector = random.choose(&self.selectors);
        let selector = mutate(random, selector, &self.selectors, WORDS);
        let escaped =
            percent_encoding::percent_encode(&selector, percent_encoding::NON_ALPHANUMERIC);
        let path = *random.choose(&["packages", "apps", "spaces", "organizations"]);
        self.made(
            random,
            "GET",
            format!("/v3/{path}?label_selector={escaped}"),
            b"",
        )
    }

    fn change(&self, random: &mut Random) -> Made {
        let (method, path, body) = *random.choose(CHANGES);
        let body = match body {
            "" => Vec::new(),
            body => Self::changed(random, body.as_bytes(), &self.changes),
        };
        self.made(random, method, path.into(), &body)
    }

    /// Returns a body, every other time with changes.
    fn changed(random: &mut Random, body: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
        if random.one_in(2) {
            return body.to_vec();
        }
        mutate(random, body, others, CHANGE_WORDS)
    }

    fn with_body(&self, random: &mut Random, path: &str, bodies: &[Vec<u8>]) -> Made {
        let body = random.choose(bodies);
        let body = mutate(
            random,
            body,
            bodies,
            &[
                "\"", "{", "}", "null", "packages", "app", "guid", "name", "&", "=",
            ],
        );
        self.made(random, "POST", path.into(), &body)
    }

    /// Returns a request with a long target, a long header, or many headers.
    fn large(&self, random: &mut Random) -> Made {
        let long = "x".repeat(1 + random.below(9000));
        match random.below(4) {
            0 => self.made(random, "GET", format!("/v3/packages?{long}"), b""),
            1 => self.made(random, "GET", format!("/v3/packages/{long}"), b""),
            2 => {
                let guids = format!("{},", &long[..random.below(long.len()).min(40)])
                    .repeat(random.below(200));
                self.made(random, "GET", format!("/v3/packages?guids={guids}"), b"")
            }
            _ => {
                let mut made = self.made(random, "GET", "/v3/packages".into(), b"");
                let end = made.raw.len() - 2;
                let more = format!("X-Many: {long}\r\n").repeat(1 + random.below(150));
                made.raw.splice(end..end, more.into_bytes());
                made.is_well_formed = false;
                made
            }
        }
    }

    fn made(&self, random: &mut Random, method: &str, target: String, body: &[u8]) -> Made {
        let [admin, user] = &self.tokens;
        let authorization = match random.below(12) {
            0 => String::new(),
            1 => "Authorization: Basic Y2Y6\r\n".into(),
            2 => format!(
                "Authorization: bearer {}\r\n",
                &admin[..random.below(admin.len())]
            ),
            3 => format!("Authorization: bearer {user}\r\n"),
            _ => format!("Authorization: bearer {admin}\r\n"),
        };
        // A body that is not sent, or sent twice, is not a request that has to be answered.
        let mut is_well_formed = true;
        let mut header = String::new();
        if random.one_in(8) {
            let more = *random.choose(HEADERS);
            is_well_formed = !["Transfer", "Host", "Expect", "Upgrade"]
                .iter()
                .any(|name| more.starts_with(name));
            header = format!("{more}\r\n");
        }
        let content = match target.ends_with("/upload") {
            true => "Content-Type: multipart/form-data; boundary=x-boundary\r\n",
            false => "",
        };
        let length = match body {
            b"" => String::new(),
            body => format!("Content-Length: {}\r\n", body.len()),
        };
        let mut raw = format!(
            "{method} {target} HTTP/1.1\r\nHost: x\r\n{authorization}{header}{content}{length}\r\n"
        )
        .into_bytes();
        raw.extend_from_slice(body);
        let is_ours = !header.starts_with("Host") && !target.starts_with("http://evil");
        let target = target
            .strip_prefix("http://x")
            .unwrap_or(&target)
            .to_owned();
        Made {
            raw,
            method: method.into(),
            target: Some(target).filter(|_| is_ours),
            is_well_formed,
        }
    }

    /// Returns the request with bytes changed, the request line included.
    fn mutated(&self, random: &mut Random, made: &Made) -> Made {
        const WORDS: &[&str] = &[
            "\r\n",
            "\n",
            "\r",
            "\0",
            " ",
            ":",
            "HTTP/1.0",
            "HTTP/2.0",
            "GET / HTTP/1.1\r\n\r\n",
            "Content-Length: 5\r\n",
            "Content-Length: -1\r\n",
            "Transfer-Encoding: chunked\r\n",
            "0\r\n\r\n",
            "ffffffffffffffffff\r\n",
            "\u{e9}",
        ];
        Made {
            raw: mutate(random, &made.raw, &self.targets, WORDS),
            method: made.method.clone(),
            target: None,
            is_well_formed: false,
        }
    }
}
