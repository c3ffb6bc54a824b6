//! What `cf-packages seed` says about a seed that it refuses: every fault of one run, each with its place, and what would
//! be right.

use crate::support::WorkDir;

/// Returns the lines of a refusal without `cf-packages: `. Nothing is stored.
fn faults_of(seed: &str) -> Vec<String> {
    let dir = WorkDir::new();
    dir.write("s", seed);
    let output = dir.run(&["seed", "s"]);
    assert_eq!((output.status, &*output.stdout), (1, ""), "{seed}");
    assert_eq!(dir.file_names(), ["s"], "{seed}");
    let lines = output.stderr.lines().map(|line| {
        let line = line.strip_prefix("cf-packages: ");
        line.expect("every line has the prefix").to_owned()
    });
    lines.collect()
}

/// Checks the faults, which all begin with the name of the seed, and the line with their number after several.
fn refused(seed: &str, expected: &[&str]) {
    let mut lines = faults_of(seed);
    if expected.len() > 1 {
        let last = lines.pop().unwrap_or_default();
        let count = expected.len();
        assert_eq!(
            last,
            format!("{count} faults; nothing was stored"),
            "{lines:#?}"
        );
    }
    let expected: Vec<_> = expected.iter().map(|text| format!("`s` {text}")).collect();
    assert_eq!(lines, expected, "{seed}");
}

#[test]
fn all_faults_of_a_json_seed_are_reported_in_order_with_line_and_column() {
    refused(
        r#"{ "packges": [],
  "packages": [{"app": "shop", "type": "bits", "state": "Ready", "sha1": "x"},
               {"app": "shop", "type": "bits", "labels": {"a": "b c", "c d": "e"}},
               {"app": "shop"}],
  "users": [{"name": "ä", "roles": [{"role": "developer", "space": "dev"}]}, {}],
  "organizations": [{"name": "acme", "created_at": "today"}],
  "spaces": [{"name": "dev", "organization": "acme"}],
  "apps": [{"name": "shop", "space": "dev", "colour": 1}] }"#,
        &[
            "line 1 column 3: `packges`: unknown field `packges`; the fields are `organizations`, `spaces`, `apps`, `users`, `packages`",
            "line 2 column 57: `packages[0].state`: `Ready` is not a state; it is one of `AWAITING_UPLOAD`, `PROCESSING_UPLOAD`, `READY`, `FAILED`, `COPYING`, `EXPIRED`",
            "line 2 column 74: `packages[0].sha1`: `x` is not a checksum of 40 lower-case hex digits",
            "line 3 column 64: `packages[1].labels.a`: label `a`: value `b c`: 'b c' contains invalid characters",
            "line 3 column 78: `packages[1].labels.c d`: label key `c d`: 'c d' contains invalid characters",
            "line 4 column 16: `packages[2]`: the field `type` is missing",
            "line 5 column 46: `users[0].roles[0].role`: `developer` is not a role; it is one of `organization_user`, `organization_auditor`, `organization_manager`, `organization_billing_manager`, `space_auditor`, `space_developer`, `space_manager`, `space_supporter`",
            "line 5 column 78: `users[1]`: both `name` and `guid` are missing; give at least one of them",
            "line 6 column 52: `organizations[0].created_at`: `today` is not a time of the form `YYYY-MM-DDTHH:MM:SSZ`, 1970 to 9999",
            "line 8 column 55: `apps[0].colour`: unknown field `colour`; the fields are `guid`, `name`, `space`, `lifecycle`, `created_at`, `labels`, `annotations`",
        ],
    );
}

#[test]
fn all_faults_of_json_lines_are_reported() {
    refused(
        "{\"organization\": {\"name\": \"acme\"}},\n\
         # the space\n\
         {\"space\": {\"name\": \"dev\", \"organization\": \"acem\"}}\n\
         \n\
         {\"app\": {\"name\": \"shop\", \"space\": \"acme/dev\",}}\n\
         {\"package\": {\"app\": \"shop\", \"type\": \"bit\"}}\n\
         {\"pakage\": {}}\n\
         {\"user\": {\"name\": \"ä\", \"guid\": \"a/b\"}}\n\
         {\"user\": {\"name\": \"u\"}, \"package\": {}}",
        &[
            "line 1 column 35: a trailing comma: JSON Lines has no comma between lines; remove it",
            "line 2 column 1: the comment `# the space`: JSON has no comments; remove it",
            "line 3 column 43: `space.organization`: no organization has the guid or the name `acem`; did you mean `acme`?",
            "line 5 column 45: a trailing comma: JSON has no comma before `}`; remove it",
            "line 6 column 37: `package.type`: `bit` is not a type; it is one of `bits`, `docker`",
            "line 7 column 2: `pakage`: unknown field `pakage`; the fields are `organization`, `space`, `app`, `user`, `package`",
            "line 8 column 32: `user.guid`: `a/b` is not a guid: 1 to 200 characters of `A-Z a-z 0-9 . _ -`",
            "line 9 column 25: `package`: the line holds a second entry, `package`; each entry needs its own line",
        ],
    );
}

#[test]
fn trailing_commas_comments_and_a_byte_order_mark_are_named() {
    refused(
        "\u{feff}// shops\n{\"organizations\": [ /* one */ {\"name\": \"acme\",}, # two\n  {\"name\": \"b\", \"suspended\": 1},\n],\n}",
        &[
            "line 1 column 1: a byte order mark (BOM) at the beginning; save the seed as UTF-8 without one",
            "line 1 column 1: the comment `// shops`: JSON has no comments; remove it",
            "line 2 column 21: the comment `/* one */`: JSON has no comments; remove it",
            "line 2 column 46: a trailing comma: JSON has no comma before `}`; remove it",
            "line 2 column 50: the comment `# two`: JSON has no comments; remove it",
            "line 3 column 30: `organizations[1].suspended`: expected a boolean, found the number `1`",
            "line 3 column 32: a trailing comma: JSON has no comma before `]`; remove it",
            "line 4 column 2: a trailing comma: JSON has no comma before `}`; remove it",
        ],
    );
    refused(
        "# shops\n{\"organization\": {\"name\": \"acme\"}}\n{\"organization\": {\"name\": \"b\"}}",
        &["line 1 column 1: the comment `# shops`: JSON has no comments; remove it"],
    );
    refused(
        "// shops\n{\"organization\": {\"name\": \"acme\"}}\n",
        &["line 1 column 1: the comment `// shops`: JSON has no comments; remove it"],
    );
}

#[test]
fn twenty_faults_are_reported_at_most() {
    for end in ["", "{\"package\": {\"app\": \"a\", \"type\": 1}}\n"] {
        let seed = "{\"user\": {}}\n".repeat(20) + end;
        let lines = faults_of(&seed);
        assert_eq!(lines.len(), 21);
        assert!(
            lines[19].starts_with("`s` line 20 column 10: "),
            "{}",
            lines[19]
        );
        assert_eq!(
            lines[20],
            "the first 20 faults; nothing was stored, and there may be more"
        );
    }
    assert_eq!(faults_of(&"{\"user\": {}}\n".repeat(19)).len(), 20);
}

#[test]
fn entries_that_refer_to_a_refused_one_are_not_reported() {
    refused(
        r#"{"organizations": [{"name": "ac\nme", "guid": "acme"}],
            "spaces": [{"name": "dev", "organization": "acme"}, {"name": "prod", "organization": "ac\nme"}],
            "apps": [{"name": "shop", "space": "dev"}],
            "users": [{"name": "u", "roles": [{"role": "space_auditor", "space": "acme/dev"}]}],
            "packages": [{"app": "shop", "type": "bits"}]}"#,
        &[
            "line 1 column 29: `organizations[0].name`: `ac\\nme` is not a name: 1 to 250 characters without control characters",
        ],
    );
    // The name of the entry in the first line is not known.
    refused(
        "{\"organization\": {\"name\": \"acme\"\n{\"space\": {\"name\": \"dev\", \"organization\": \"acme\"}}",
        &["line 1 column 32: the line ends inside an object; each entry is one line"],
    );
}

#[test]
fn faults_of_several_seeds_are_reported_in_their_order() {
    let dir = WorkDir::new();
    dir.write("one", "{\"users\": [{}]}");
    dir.write("two", "{\"users\": [{\"guid\": 7}]}");
    let output = dir.run(&["seed", "one", "two"]);
    assert_eq!(
        output.stderr,
        "cf-packages: `one` line 1 column 12: `users[0]`: both `name` and `guid` are missing; give at least one of them\n\
         cf-packages: `two` line 1 column 21: `users[0].guid`: expected a string, found the number `7`\n\
         cf-packages: 2 faults; nothing was stored\n"
    );
}

const HOUSES: &str = r#""organizations": [{"name": "Acme"}, {"name": "globex"}],
    "spaces": [{"name": "dev", "organization": "acme", "guid": "space-1"}, {"name": "dev", "organization": "globex"},
               {"name": "a/b", "organization": "globex"}],
    "apps": [{"name": "shop", "space": "ACME/dev"}, {"name": "shop", "space": "globex/dev"}, {"name": "cart", "space": "globex/a/b"}]"#;

fn house(packages: &str) -> String {
    format!("{{{HOUSES},\n\"packages\": [{packages}]}}")
}

#[test]
fn parents_are_found_by_path() {
    let dir = WorkDir::new();
    let seed = house(
        r#"{"app": "acme/dev/shop", "type": "bits", "guid": "p"}, {"app": "globex/dev/SHOP", "type": "bits", "guid": "q"},
           {"app": "globex/a/b/cart", "type": "bits"}, {"app": "cart", "type": "bits"}"#,
    );
    let seed = seed.replacen('{', r#"{"users": [{"name": "u", "roles": [{"role": "space_developer", "space": "acme/dev"}]}],"#, 1);
    dir.run_with(&["seed", "-"], seed.as_bytes());
    let total = |user: &str, target: &str| {
        let body = dir.run_ok(&["get", target, "--user", user, "--api", "current"]);
        body.contains("\"total_results\":1,")
    };
    let export = dir.run_ok(&["export", "--jsonl"]);
    let user = export
        .split("{\"user\":{\"guid\":\"")
        .nth(1)
        .expect("a user");
    let user = user.split('"').next().expect("a guid");
    assert!(total(user, "/v3/packages"));
    assert!(total(user, "/v3/packages?space_guids=space-1&guids=p"));
}

#[test]
fn ambiguous_name_is_refused_with_a_path_that_would_do() {
    refused(
        &house("{\"app\": \"shop\", \"type\": \"bits\"}"),
        &[
            "line 5 column 22: `packages[0].app`: `shop` is the name of 2 apps; refer to one by its path, such as `Acme/dev/shop`, or by its guid",
        ],
    );
}

#[test]
fn unknown_reference_is_refused_with_the_nearest_one() {
    for (reference, nearest) in [
        ("carts", "; did you mean `cart`?"),
        ("CRAT", "; did you mean `cart`?"),
        ("shopp", "; did you mean `Acme/dev/shop`?"),
        ("acme/devv/shop", "; did you mean `Acme/dev/shop`?"),
        ("globex/dev/shpo", "; did you mean `globex/dev/shop`?"),
        ("dev/shop", "; did you mean `Acme/dev/shop`?"),
        ("acme/shop", ""),
        ("x", ""),
        ("something", ""),
    ] {
        refused(
            &house(&format!("{{\"app\": \"{reference}\", \"type\": \"bits\"}}")),
            &[&format!(
                "line 5 column 22: `packages[0].app`: no app has the guid, the name or the path `{reference}`{nearest}"
            )],
        );
    }
    refused(
        r#"{"spaces": [{"name": "dev", "organization": "acme"}]}"#,
        &[
            "line 1 column 45: `spaces[0].organization`: no organization has the guid or the name `acme`",
        ],
    );
}

#[test]
fn labels_and_annotations_are_limited_in_number() {
    let pairs = |count: usize| {
        let pairs: Vec<_> = (0..count).map(|n| format!("\"k{n}\": \"v\"")).collect();
        format!("{{{}}}", pairs.join(", "))
    };
    let seed = |labels: usize, annotations: usize| {
        house(&format!(
            "{{\"app\": \"cart\", \"type\": \"bits\",\n\"labels\": {},\n\"annotations\": {}}}",
            pairs(labels),
            pairs(annotations)
        ))
    };
    refused(
        &seed(51, 201),
        &[
            "line 6 column 11: `packages[0].labels`: 51 labels are too many; one entry has at most 50",
            "line 7 column 16: `packages[0].annotations`: 201 annotations are too many; one entry has at most 200",
        ],
    );
    refused(
        &format!(
            "{{\"organizations\": [{{\"name\": \"acme\",\n\"labels\": {}}}]}}",
            pairs(51)
        ),
        &[
            "line 2 column 11: `organizations[0].labels`: 51 labels are too many; one entry has at most 50",
        ],
    );
    let output = WorkDir::new().run_with(&["seed", "-"], seed(50, 200).as_bytes());
    assert_eq!((output.status, &*output.stderr), (0, ""));
}

#[test]
fn key_of_an_annotation_is_checked_only_with_a_value() {
    let seed = |value: &str| {
        house(&format!(
            "{{\"app\": \"cart\", \"type\": \"bits\", \"annotations\": {{\"a b\": \"{value}\"}}}}"
        ))
    };
    refused(
        &seed("c"),
        &[
            "line 5 column 69: `packages[0].annotations.a b`: annotation key `a b`: 'a b' contains invalid characters",
        ],
    );
    let output = WorkDir::new().run_with(&["seed", "-"], seed(" ").as_bytes());
    assert_eq!((output.status, &*output.stderr), (0, ""));
}
