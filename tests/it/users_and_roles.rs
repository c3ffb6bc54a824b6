//! `GET /v3/users` and `/v3/roles`, as `docs/reference/users-and-roles.md` has them.

use serde_json::Value;

use crate::support::{Response, Server, WorkDir, get};

/// `ann` manages `O` and audits the space `S`; `bob` develops in `S`; `cy` is a user of `P`; `client` has no name.
const SEED: &str = r#"{
    "organizations": [{"guid": "O", "name": "acme"}, {"guid": "P", "name": "other"}],
    "spaces": [{"guid": "S", "name": "dev", "organization": "O"}, {"guid": "T", "name": "dev", "organization": "P"}],
    "users": [
        {"guid": "a", "name": "Ann", "roles": [{"role": "organization_manager", "organization": "O"},
                                               {"role": "space_auditor", "space": "S"}]},
        {"guid": "b", "name": "bob", "roles": [{"role": "space_developer", "space": "S"}]},
        {"guid": "c", "name": "cy", "roles": [{"role": "organization_user", "organization": "P"}]},
        {"guid": "client"}
    ]
}"#;

struct Served {
    dir: WorkDir,
    server: Server,
}

impl Served {
    fn new() -> Self {
        Self::with(SEED)
    }

    fn with(seed: &str) -> Self {
        let dir = WorkDir::new();
        dir.write("seed.json", seed);
        let server = dir.serve(&[
            "--api",
            "current",
            "--seed",
            "seed.json",
            "--token-key",
            "k",
            "--external-url",
            "https://api.example.org",
        ]);
        Self { dir, server }
    }

    /// Sends `GET` as that user, or as an admin.
    fn get(&self, user: &str, target: &str) -> Response {
        let who: &[&str] = match user {
            "admin" => &["--admin"],
            user => &["--user", user],
        };
        let token = self
            .dir
            .run_ok(&[&["token", "--token-key", "k"], who].concat());
        self.server.send(get(target, token.trim_end()))
    }

    #[track_caller]
    fn document(&self, user: &str, target: &str) -> Value {
        let response = self.get(user, target);
        assert_eq!(response.status, 200, "{target}: {response:?}");
        serde_json::from_str(&response.body).expect("JSON")
    }

    /// Returns the guids on a page, joined by spaces.
    #[track_caller]
    fn guids(&self, user: &str, target: &str) -> String {
        let document = self.document(user, target);
        let resources = document["resources"].as_array().expect("resources");
        let guids = resources
            .iter()
            .map(|one| one["guid"].as_str().expect("a guid"));
        guids.collect::<Vec<_>>().join(" ")
    }

    /// Returns the status and the text of an error.
    #[track_caller]
    fn error(&self, target: &str) -> (u16, String) {
        let response = self.get("admin", target);
        let document: Value = serde_json::from_str(&response.body).expect("JSON");
        let text = document["errors"][0]["detail"].as_str().expect("an error");
        (response.status, text.to_owned())
    }
}

const ANN: &str = r#"{"guid":"a","created_at":"1970-01-01T00:00:00Z","updated_at":"1970-01-01T00:00:00Z","username":"Ann","presentation_name":"Ann","origin":"uaa","metadata":{"labels":{},"annotations":{}},"links":{"self":{"href":"https://api.example.org/v3/users/a"}}}"#;
const CLIENT: &str = r#"{"guid":"client","created_at":"1970-01-01T00:00:00Z","updated_at":"1970-01-01T00:00:00Z","username":null,"presentation_name":"client","origin":null,"metadata":{"labels":{},"annotations":{}},"links":{"self":{"href":"https://api.example.org/v3/users/client"}}}"#;
const MANAGER: &str = r#"{"guid":"a~organization_manager~O","created_at":"1970-01-01T00:00:00Z","updated_at":"1970-01-01T00:00:00Z","type":"organization_manager","relationships":{"user":{"data":{"guid":"a"}},"organization":{"data":{"guid":"O"}},"space":{"data":null}},"links":{"self":{"href":"https://api.example.org/v3/roles/a~organization_manager~O"},"user":{"href":"https://api.example.org/v3/users/a"},"organization":{"href":"https://api.example.org/v3/organizations/O"}}}"#;
const DEVELOPER: &str = r#"{"guid":"b~space_developer~S","created_at":"1970-01-01T00:00:00Z","updated_at":"1970-01-01T00:00:00Z","type":"space_developer","relationships":{"user":{"data":{"guid":"b"}},"space":{"data":{"guid":"S"}},"organization":{"data":null}},"links":{"self":{"href":"https://api.example.org/v3/roles/b~space_developer~S"},"user":{"href":"https://api.example.org/v3/users/b"},"space":{"href":"https://api.example.org/v3/spaces/S"}}}"#;

#[test]
fn users_and_roles_have_the_shapes_of_a_controller() {
    let served = Served::new();
    for (target, body) in [
        ("/v3/users/a", ANN),
        ("/v3/users/client?x=1", CLIENT),
        ("/v3/roles/a~organization_manager~O", MANAGER),
        ("/v3/roles/b~space_developer~S", DEVELOPER),
    ] {
        let response = served.get("admin", target);
        assert_eq!(
            (response.status, response.body.as_str()),
            (200, body),
            "{target}"
        );
    }
    let page = |path: &str, query: &str, total: u32, resources: &str| {
        let href = format!(r#"{{"href":"https://api.example.org{path}?{query}"}}"#);
        format!(
            r#"{{"pagination":{{"total_results":{total},"total_pages":1,"first":{href},"last":{href},"next":null,"previous":null}},"resources":[{resources}]}}"#
        )
    };
    let users = served.get("admin", "/v3/users?guids=a,client").body;
    let expected = page(
        "/v3/users",
        r"guids=a%2Cclient\u0026page=1\u0026per_page=50",
        2,
        &[ANN, CLIENT].join(","),
    );
    assert_eq!(users, expected);
    // A controller orders roles by `created_at`, and says so in every href.
    let roles = served
        .get(
            "admin",
            "/v3/roles?types=organization_manager,space_developer",
        )
        .body;
    let expected = page(
        "/v3/roles",
        r"order_by=%2Bcreated_at\u0026page=1\u0026per_page=50\u0026types=organization_manager%2Cspace_developer",
        2,
        &[MANAGER, DEVELOPER].join(","),
    );
    assert_eq!(roles, expected);
}

#[test]
fn lists_are_filtered_ordered_and_paged() {
    let served = Served::new();
    for (target, guids) in [
        ("/v3/users", "a b c client"),
        ("/v3/users?order_by=-created_at", "client c b a"),
        ("/v3/users?page=2&per_page=3", "client"),
        ("/v3/users?usernames=ANN,cy", "a c"),
        ("/v3/users?partial_usernames=B,y", "b c"),
        ("/v3/users?partial_usernames=%2525", ""),
        ("/v3/users?usernames=bob&origins=uaa", "b"),
        ("/v3/users?usernames=bob&origins=ldap", ""),
        ("/v3/users?usernames", ""),
        (
            "/v3/users?created_ats[lt]=2000-01-01T00:00:00Z&guids=b",
            "b",
        ),
        ("/v3/users?label_selector=env", ""),
        ("/v3/users?label_selector=!env&guids=b", "b"),
        (
            "/v3/roles",
            "a~organization_manager~O a~space_auditor~S b~space_developer~S c~organization_user~P",
        ),
        (
            "/v3/roles?organization_guids=O,P&order_by=-updated_at",
            "c~organization_user~P a~organization_manager~O",
        ),
        (
            "/v3/roles?space_guids=S",
            "a~space_auditor~S b~space_developer~S",
        ),
        (
            "/v3/roles?user_guids=a&types=space_auditor",
            "a~space_auditor~S",
        ),
        ("/v3/roles?guids=a~space_auditor~S,x", "a~space_auditor~S"),
        ("/v3/roles?page=2&per_page=1", "a~space_auditor~S"),
        ("/v3/roles?created_ats[gt]=2000-01-01T00:00:00Z", ""),
    ] {
        assert_eq!(served.guids("admin", target), guids, "{target}");
    }
    let beyond = served.document("admin", "/v3/roles?page=9");
    assert_eq!(beyond["pagination"]["total_results"], 4);
}

#[test]
fn include_holds_whole_objects_once() {
    let served = Served::new();
    let included = |target: &str| {
        let document = served.document("admin", target);
        let included = document["included"].as_object().expect("included").clone();
        let guids = included.iter().map(|(name, array)| {
            let array = array.as_array().expect("an array").iter();
            let guids: Vec<_> = array
                .map(|one| one["guid"].as_str().expect("a guid"))
                .collect();
            format!("{name}:{}", guids.join(","))
        });
        guids.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        included("/v3/roles?include=space,organization,user"),
        "users:a,b,c organizations:O,P spaces:S"
    );
    assert_eq!(
        included("/v3/roles/b~space_developer~S?include=user,organization,space"),
        "users:b organizations: spaces:S"
    );
    let document = served
        .get("admin", "/v3/roles?include=user&user_guids=a")
        .body;
    assert!(
        document.ends_with(&format!(r#","included":{{"users":[{ANN}]}}}}"#)),
        "{document}"
    );
}

#[test]
fn callers_see_the_members_of_their_organizations() {
    let served = Served::new();
    for (user, users, roles) in [
        // As a manager, Ann sees every space of the organization.
        (
            "a",
            "a b",
            "a~organization_manager~O a~space_auditor~S b~space_developer~S",
        ),
        (
            "b",
            "a b",
            "a~organization_manager~O a~space_auditor~S b~space_developer~S",
        ),
        ("c", "c", "c~organization_user~P"),
        ("client", "client", ""),
        ("unknown", "", ""),
    ] {
        assert_eq!(served.guids(user, "/v3/users"), users, "{user}");
        assert_eq!(served.guids(user, "/v3/roles"), roles, "{user}");
    }
    for (target, text) in [
        ("/v3/users/c", "User not found"),
        ("/v3/roles/c~organization_user~P", "Role not found"),
    ] {
        let response = served.get("a", target);
        assert_eq!(response.status, 404);
        assert!(response.body.contains(text), "{response:?}");
    }
}

#[test]
fn a_member_filters_and_pages_only_what_they_see() {
    let served = Served::new();
    for (target, guids) in [
        ("/v3/users?page=2&per_page=1", "b"),
        ("/v3/users?page=3&per_page=1", ""),
        ("/v3/users?usernames=bob,cy", "b"),
        ("/v3/users?guids=a,c", "a"),
        ("/v3/users?order_by=-created_at", "b a"),
        (
            "/v3/roles?guids=b~space_developer~S,c~organization_user~P,nope",
            "b~space_developer~S",
        ),
    ] {
        assert_eq!(served.guids("a", target), guids, "{target}");
    }
    assert_eq!(served.document("a", "/v3/users/b")["guid"], "b");
    let page = served.document("a", "/v3/users?per_page=1");
    assert_eq!(page["pagination"]["total_results"], 2);
}

/// So many roles are not sorted: they are read in their order.
#[test]
fn pages_of_many_roles_are_in_order() {
    let roles = [
        ("organization_auditor", "organization", "O"),
        ("organization_manager", "organization", "O"),
        ("organization_user", "organization", "O"),
        ("organization_user", "organization", "P"),
        ("space_developer", "space", "S"),
    ];
    let held: Vec<_> = roles
        .iter()
        .map(|(role, scope, parent)| format!(r#"{{"role":"{role}","{scope}":"{parent}"}}"#))
        .collect();
    // The users are stored in the opposite order.
    let users: Vec<_> = (0..2_100)
        .rev()
        .map(|n| format!(r#"{{"guid":"u{n:04}","roles":[{}]}}"#, held.join(",")))
        .collect();
    let seed = SEED.replace(
        r#""users": ["#,
        &format!(r#""users": [{},"#, users.join(",")),
    );
    let served = Served::with(&seed);
    let mut expected: Vec<_> = (0..2_100)
        .flat_map(|n| {
            let guid =
                move |(role, _, parent): &(&str, &str, &str)| format!("u{n:04}~{role}~{parent}");
            roles.iter().map(guid).collect::<Vec<_>>()
        })
        .collect();
    let document = served.document("admin", "/v3/roles?page=11&per_page=1000");
    assert_eq!(document["pagination"]["total_results"], 10_504);
    assert_eq!(
        served.guids("admin", "/v3/roles?page=3&per_page=1000"),
        // Four roles of `SEED` come first.
        expected[1_996..2_996].join(" ")
    );
    expected.reverse();
    assert_eq!(
        served.guids(
            "admin",
            "/v3/roles?order_by=-created_at&page=3&per_page=1000"
        ),
        expected[2_000..3_000].join(" ")
    );
}

#[test]
fn a_change_of_a_name_shows_at_once() {
    let served = Served::new();
    assert_eq!(served.document("admin", "/v3/users/b")["username"], "bob");
    served.dir.write(
        "more.json",
        r#"{"users": [{"guid": "b", "name": "robert"}, {"guid": "d"}]}"#,
    );
    served.dir.run_ok(&["seed", "more.json"]);
    assert_eq!(
        served.document("admin", "/v3/users/b")["username"],
        "robert"
    );
    assert_eq!(served.guids("admin", "/v3/users"), "a b c client d");
    assert_eq!(served.guids("admin", "/v3/roles?user_guids=b"), "");
}

/// The texts of a controller, word for word, with its status 422.
#[test]
fn wrong_parameters_are_unprocessable() {
    let served = Served::new();
    for (target, text) in [
        (
            "/v3/users?x=1",
            "Unknown query parameter(s): 'x'. Valid parameters are: 'page', 'per_page', 'order_by', 'created_ats', 'updated_ats', 'guids', 'usernames', 'partial_usernames', 'origins', 'label_selector'",
        ),
        (
            "/v3/users?origins=uaa",
            "Origins filter cannot be provided without usernames or partial_usernames filter.",
        ),
        (
            "/v3/users?usernames=a&partial_usernames=b&per_page=0",
            "Per page must be a positive integer, Usernames filter cannot be provided with both usernames and partial_usernames filter.",
        ),
        (
            "/v3/roles?label_selector=a&order_by=name",
            "Order by can only be: 'created_at', 'updated_at', Unknown query parameter(s): 'label_selector'. Valid parameters are: 'page', 'per_page', 'order_by', 'created_ats', 'updated_ats', 'guids', 'organization_guids', 'space_guids', 'user_guids', 'types', 'include'",
        ),
        (
            "/v3/roles?include=users&types[a]=b",
            "Invalid included resource: 'users'. Valid included resources are: 'user', 'organization', 'space', Types must be an array",
        ),
        (
            "/v3/roles/nope?include=x&y=1",
            "Unknown query parameter(s): 'y'. Valid parameters are: 'include', Invalid included resource: 'x'. Valid included resources are: 'user', 'organization', 'space'",
        ),
    ] {
        assert_eq!(served.error(target), (422, text.to_owned()), "{target}");
    }
}
