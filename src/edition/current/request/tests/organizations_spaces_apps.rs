use super::*;

const ORDERS_BY_NAME: &str = "Order by can only be: 'created_at', 'updated_at', 'name'";
const APP_ORDERS: &str = "Order by can only be: 'created_at', 'updated_at', 'name', 'state'";

fn space_include(name: &str) -> String {
    format!(
        "Invalid included resource: '{name}'. Valid included resources are: 'org', 'organization'"
    )
}

fn app_include(name: &str) -> String {
    format!(
        "Invalid included resource: '{name}'. Valid included resources are: 'space', 'org', 'space.organization'"
    )
}

/// neighbours.md §1.2.
#[test]
fn the_unknown_text_is_whole() {
    for (text, valid) in [
        (
            refusal(organizations("foo&bar")),
            "'page', 'per_page', 'order_by', 'created_ats', 'updated_ats', 'guids', 'names', 'isolation_segment_guid', 'label_selector'",
        ),
        (
            refusal(spaces("foo&bar")),
            "'page', 'per_page', 'order_by', 'created_ats', 'updated_ats', 'guids', 'names', 'organization_guids', 'include', 'label_selector'",
        ),
        (
            refusal(apps("foo&bar")),
            "'page', 'per_page', 'order_by', 'created_ats', 'updated_ats', 'guids', 'names', 'organization_guids', 'space_guids', 'stacks', 'include', 'lifecycle_type', 'label_selector'",
        ),
    ] {
        assert_eq!(
            text,
            format!("Unknown query parameter(s): 'foo', 'bar'. Valid parameters are: {valid}")
        );
    }
    for text in [
        refusal(apps("app_guid=x")),
        refusal(spaces("app_guid=x")),
        refusal(organizations("app_guid=x")),
    ] {
        assert!(
            text.starts_with("Unknown query parameter(s): 'app_guid'."),
            "{text}"
        );
    }
    assert!(
        refusal(organizations("include=org")).starts_with("Unknown query parameter(s): 'include'.")
    );
}

/// neighbours.md §1.3.
#[test]
fn faults_are_told_in_one_order() {
    let query = "stacks[a]=1&space_guids[a]=1&organization_guids[a]=1&names[a]=1&lifecycle_type=x&include=z&foo=1\
                 &label_selector=,&guids[a]=1&updated_ats=x&created_ats=x&order_by=x&per_page=0&page=0";
    let text = refusal(apps(query));
    let mut rest = text.as_str();
    for part in [
        "Page must be a positive integer, ",
        "Per page must be a positive integer, ",
        APP_ORDERS,
        ", Created ats ",
        ", Updated ats ",
        ", Guids must be an array, ",
        "Missing label_selector value, ",
        "Unknown query parameter(s): 'foo'",
        ", Invalid included resource: 'z'",
        ", Invalid lifecycle_type: 'x', ",
        "Names must be an array, ",
        "Organization guids must be an array, ",
        "Space guids must be an array, ",
        "Stacks must be an array",
    ] {
        rest = rest
            .split_once(part)
            .unwrap_or_else(|| panic!("{part} in {rest}"))
            .1;
    }
    assert_eq!(rest, "");
}

/// neighbours.md §1.4 and §10, spaces and organizations.
#[test]
fn what_spaces_and_organizations_refuse() {
    for query in [
        "order_by=state",
        "order_by=id",
        "order_by=NAME",
        "order_by=+name",
    ] {
        assert_eq!(refusal(organizations(query)), ORDERS_BY_NAME);
        assert_eq!(refusal(spaces(query)), ORDERS_BY_NAME);
    }
    assert_eq!(refusal(organizations("order_by=&names=a")), "");
    for (query, text) in [
        ("include=space", space_include("space")),
        (
            "include=a,b",
            format!("{}, {}", space_include("a"), space_include("b")),
        ),
        (
            "include=org,org",
            "Duplicate included resource: 'org'".into(),
        ),
        (
            "include=org,org,org",
            "Duplicate included resource: 'org'".into(),
        ),
        (
            "include=org,potato,org",
            format!(
                "{}, Duplicate included resource: 'org'",
                space_include("potato")
            ),
        ),
        ("include=org,organization", String::new()),
        ("include=", space_include("")),
        ("include", space_include("")),
        ("include=org,", space_include("")),
        (
            "include=org,,org",
            format!("{}, Duplicate included resource: 'org'", space_include("")),
        ),
        ("include=Org", space_include("Org")),
        ("include=%20org", space_include(" org")),
        ("include[]=org", space_include("[\"org\"]")),
        ("include[x]=org", space_include("[:x, \"org\"]")),
        ("include[a+b]=org", space_include("[:\"a b\", \"org\"]")),
        ("include=%25%7Bmodel%7D", space_include("%{model}")),
        ("names[x]=1", "Names must be an array".into()),
        (
            "organization_guids[x]=1",
            "Organization guids must be an array".into(),
        ),
        ("guids[x]=1", "Guids must be an array".into()),
    ] {
        assert_eq!(refusal(spaces(query)), text, "{query}");
    }
}

/// neighbours.md §1.4 and §10, apps.
#[test]
fn what_apps_refuse() {
    for (query, text) in [
        ("order_by=desired_state", APP_ORDERS.to_owned()),
        ("order_by=id", APP_ORDERS.to_owned()),
        ("order_by=state", String::new()),
        ("include=organization", app_include("organization")),
        ("include=org,space.organization", String::new()),
        ("include=space&include=org", String::new()),
        ("include", app_include("")),
        (
            "lifecycle_type=Docker",
            "Invalid lifecycle_type: 'Docker'".into(),
        ),
        (
            "lifecycle_type=kpack",
            "Invalid lifecycle_type: 'kpack'".into(),
        ),
        (
            "lifecycle_type=buildpack,docker",
            "Invalid lifecycle_type: 'buildpack,docker'".into(),
        ),
        ("lifecycle_type=", "Invalid lifecycle_type: ''".into()),
        ("lifecycle_type", "Invalid lifecycle_type: ''".into()),
        (
            "lifecycle_type[]=docker",
            "Invalid lifecycle_type: '[\"docker\"]'".into(),
        ),
        (
            "lifecycle_type[a]=docker",
            "Invalid lifecycle_type: '{:a=>\"docker\"}'".into(),
        ),
        (
            "lifecycle_type[a][b]=%22%5C%0A%01%23%7B",
            "Invalid lifecycle_type: '{:a=>{:b=>\"\\\"\\\\\\n\\u0001\\#{\"}}'".into(),
        ),
        ("lifecycle_type=cnb", String::new()),
        ("stacks", "Stacks must be an array".into()),
        ("stacks[x]=1", "Stacks must be an array".into()),
        ("space_guids[x]=1", "Space guids must be an array".into()),
    ] {
        assert_eq!(refusal(apps(query)), text, "{query}");
    }
    let text = refusal(apps("foo=1&include=z"));
    assert!(
        text.ends_with(&format!("'label_selector', {}", app_include("z"))),
        "{text}"
    );
}

#[test]
fn lists_of_names() {
    for (query, expected) in [
        ("names[]=a", "[\"a\"]"),
        ("names=", ""),
        ("names=%20a", " a"),
        ("names=a%252Cb", "a,b"),
        ("names=a%2541", "aA"),
        ("names=a%252541", "a%41"),
        ("names=100%25", "100%"),
        ("names=My+Org", "My Org"),
        ("names=a%2Bb", "a+b"),
        ("names=x&names=y", "y"),
    ] {
        assert_eq!(
            elements(organizations(query)),
            ("names".into(), vec![expected.into()]),
            "{query}"
        );
    }
    assert_eq!(elements(spaces("names=a, b")).1, ["a", "b"]);
    assert_eq!(
        elements(apps("stacks=a,")),
        ("stacks".into(), vec!["a".into(), String::new()])
    );
    assert_eq!(
        elements(apps("lifecycle_type=docker")),
        ("lifecycle_type".into(), vec!["docker".into()])
    );
    for name in ["names", "organization_guids", "guids"] {
        assert_eq!(elements(spaces(name)).0, "nothing");
    }
}

/// neighbours.md §1.6.
#[test]
fn there_is_no_isolation_segment() {
    let missing = ApiError::NotFound("Isolation segment not found");
    assert_eq!(
        organizations("isolation_segment_guid=x").unwrap_err(),
        missing
    );
    assert_eq!(
        refusal(organizations("isolation_segment_guid=x&page=0")),
        "Page must be a positive integer"
    );
}

/// neighbours.md §4, §7.
#[test]
fn what_is_shown_beside() {
    let shown = |include: Include| (include.spaces, include.organizations);
    for (query, expected) in [
        ("", (false, false)),
        ("include=space", (true, false)),
        ("include=org", (false, true)),
        ("include=space.organization", (true, true)),
        ("include=org, space", (true, true)),
    ] {
        assert_eq!(
            shown(include(&parameters::APPS, query).unwrap()),
            expected,
            "{query}"
        );
        assert_eq!(shown(apps(query).unwrap().include), expected, "{query}");
    }
    assert_eq!(
        shown(include(&parameters::SPACES, "include=organization").unwrap()),
        (false, true)
    );
    assert_eq!(
        refusal(include(&parameters::SPACES, "include=x&page=1&y")),
        format!(
            "Unknown query parameter(s): 'page', 'y'. Valid parameters are: 'include', {}",
            space_include("x")
        )
    );
    assert_eq!(
        refusal(include(&parameters::APPS, "include")),
        app_include("")
    );
}
