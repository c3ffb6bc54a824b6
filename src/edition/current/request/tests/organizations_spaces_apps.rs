use super::*;

const ORDER_BY_NAME_MESSAGE: &str = "Order by can only be: 'created_at', 'updated_at', 'name'";
const ORDER_BY_STATE_MESSAGE: &str =
    "Order by can only be: 'created_at', 'updated_at', 'name', 'state'";

fn invalid_space_include(name: &str) -> String {
    format!(
        "Invalid included resource: '{name}'. Valid included resources are: 'org', 'organization'"
    )
}

fn invalid_app_include(name: &str) -> String {
    format!(
        "Invalid included resource: '{name}'. Valid included resources are: 'space', 'org', 'space.organization'"
    )
}

/// See `docs/reference/query-parameters.md#unknown-parameters`.
#[test]
fn message_about_unknown_parameters_names_all_valid_ones() {
    for (text, valid) in [
        (
            messages(organizations("foo&bar")),
            "'page', 'per_page', 'order_by', 'created_ats', 'updated_ats', 'guids', 'names', 'isolation_segment_guid', 'label_selector'",
        ),
        (
            messages(spaces("foo&bar")),
            "'page', 'per_page', 'order_by', 'created_ats', 'updated_ats', 'guids', 'names', 'organization_guids', 'include', 'label_selector'",
        ),
        (
            messages(apps("foo&bar")),
            "'page', 'per_page', 'order_by', 'created_ats', 'updated_ats', 'guids', 'names', 'organization_guids', 'space_guids', 'stacks', 'include', 'lifecycle_type', 'label_selector'",
        ),
    ] {
        assert_eq!(
            text,
            format!("Unknown query parameter(s): 'foo', 'bar'. Valid parameters are: {valid}")
        );
    }
    for text in [
        messages(apps("app_guid=x")),
        messages(spaces("app_guid=x")),
        messages(organizations("app_guid=x")),
    ] {
        assert!(
            text.starts_with("Unknown query parameter(s): 'app_guid'."),
            "{text}"
        );
    }
    assert!(
        messages(organizations("include=org"))
            .starts_with("Unknown query parameter(s): 'include'.")
    );
}

/// See `docs/reference/query-parameters.md#order-of-messages`.
#[test]
fn order_of_messages_does_not_depend_on_the_query() {
    let query = "stacks[a]=1&space_guids[a]=1&organization_guids[a]=1&names[a]=1&lifecycle_type=x&include=z&foo=1\
                 &label_selector=,&guids[a]=1&updated_ats=x&created_ats=x&order_by=x&per_page=0&page=0";
    let text = messages(apps(query));
    let mut rest = text.as_str();
    for part in [
        "Page must be a positive integer, ",
        "Per page must be a positive integer, ",
        ORDER_BY_STATE_MESSAGE,
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

/// See `docs/reference/query-parameters.md#include` and
/// `docs/reference/query-parameters.md#requests-that-make-a-controller-fail`.
#[test]
fn organizations_and_spaces_refuse_wrong_order_by_and_include() {
    for query in [
        "order_by=state",
        "order_by=id",
        "order_by=NAME",
        "order_by=+name",
    ] {
        assert_eq!(messages(organizations(query)), ORDER_BY_NAME_MESSAGE);
        assert_eq!(messages(spaces(query)), ORDER_BY_NAME_MESSAGE);
    }
    assert_eq!(messages(organizations("order_by=&names=a")), "");
    for (query, text) in [
        ("include=space", invalid_space_include("space")),
        (
            "include=a,b",
            format!(
                "{}, {}",
                invalid_space_include("a"),
                invalid_space_include("b")
            ),
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
                invalid_space_include("potato")
            ),
        ),
        ("include=org,organization", String::new()),
        ("include=", invalid_space_include("")),
        ("include", invalid_space_include("")),
        ("include=org,", invalid_space_include("")),
        (
            "include=org,,org",
            format!(
                "{}, Duplicate included resource: 'org'",
                invalid_space_include("")
            ),
        ),
        ("include=Org", invalid_space_include("Org")),
        ("include=%20org", invalid_space_include(" org")),
        ("include[]=org", invalid_space_include("[\"org\"]")),
        ("include[x]=org", invalid_space_include("[:x, \"org\"]")),
        (
            "include[a+b]=org",
            invalid_space_include("[:\"a b\", \"org\"]"),
        ),
        ("include=%25%7Bmodel%7D", invalid_space_include("%{model}")),
        ("names[x]=1", "Names must be an array".into()),
        (
            "organization_guids[x]=1",
            "Organization guids must be an array".into(),
        ),
        ("guids[x]=1", "Guids must be an array".into()),
    ] {
        assert_eq!(messages(spaces(query)), text, "{query}");
    }
}

/// See `docs/reference/query-parameters.md#lifecycle_type` and
/// `docs/reference/query-parameters.md#requests-that-make-a-controller-fail`.
#[test]
fn apps_refuse_wrong_order_by_include_and_lifecycle_type() {
    for (query, text) in [
        ("order_by=desired_state", ORDER_BY_STATE_MESSAGE.to_owned()),
        ("order_by=id", ORDER_BY_STATE_MESSAGE.to_owned()),
        ("order_by=state", String::new()),
        ("include=organization", invalid_app_include("organization")),
        ("include=org,space.organization", String::new()),
        ("include=space&include=org", String::new()),
        ("include", invalid_app_include("")),
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
        assert_eq!(messages(apps(query)), text, "{query}");
    }
    let text = messages(apps("foo=1&include=z"));
    assert!(
        text.ends_with(&format!("'label_selector', {}", invalid_app_include("z"))),
        "{text}"
    );
}

#[test]
fn comma_lists_become_filters() {
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
            only_filter(organizations(query)),
            ("names".into(), vec![expected.into()]),
            "{query}"
        );
    }
    assert_eq!(only_filter(spaces("names=a, b")).1, ["a", "b"]);
    assert_eq!(
        only_filter(apps("stacks=a,")),
        ("stacks".into(), vec!["a".into(), String::new()])
    );
    assert_eq!(
        only_filter(apps("lifecycle_type=docker")),
        ("lifecycle_type".into(), vec!["docker".into()])
    );
    for name in ["names", "organization_guids", "guids"] {
        assert_eq!(only_filter(spaces(name)).0, "nothing");
    }
}

/// See `docs/reference/query-parameters.md#isolation_segment_guid`.
#[test]
fn every_isolation_segment_is_not_found() {
    let missing = ApiError::NotFound("Isolation segment not found");
    assert_eq!(
        organizations("isolation_segment_guid=x").unwrap_err(),
        missing
    );
    assert_eq!(
        messages(organizations("isolation_segment_guid=x&page=0")),
        "Page must be a positive integer"
    );
}

/// See `docs/reference/organizations-spaces-apps.md#include` and
/// `docs/reference/organizations-spaces-apps.md#by-guid`.
#[test]
fn include_selects_parents() {
    let parents = |include: Include| (include.spaces, include.organizations);
    for (query, expected) in [
        ("", (false, false)),
        ("include=space", (true, false)),
        ("include=org", (false, true)),
        ("include=space.organization", (true, true)),
        ("include=org, space", (true, true)),
    ] {
        assert_eq!(
            parents(parse_include(&parameters::APPS, query).unwrap()),
            expected,
            "{query}"
        );
        assert_eq!(parents(apps(query).unwrap().include), expected, "{query}");
    }
    assert_eq!(
        parents(parse_include(&parameters::SPACES, "include=organization").unwrap()),
        (false, true)
    );
    assert_eq!(
        messages(parse_include(&parameters::SPACES, "include=x&page=1&y")),
        format!(
            "Unknown query parameter(s): 'page', 'y'. Valid parameters are: 'include', {}",
            invalid_space_include("x")
        )
    );
    assert_eq!(
        messages(parse_include(&parameters::APPS, "include")),
        invalid_app_include("")
    );
}
