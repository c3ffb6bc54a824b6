use super::*;

/// The accepted values of `docs/reference/query-parameters.md#integers`, column `current`.
#[test]
fn pages_are_parsed() {
    for (query, expected) in [
        ("", (1, 50)),
        ("page", (1, 50)),
        ("per_page", (1, 50)),
        ("page=1.5", (1, 50)),
        ("page=1.0", (1, 50)),
        ("page=1e2", (1, 50)),
        ("page=1_0", (10, 50)),
        ("page=1__0", (1, 50)),
        ("page=0_1", (1, 50)),
        ("page=2abc", (2, 50)),
        ("page=+1", (1, 50)),
        ("page=%0B%09+3", (3, 50)),
        ("page=%2B1", (1, 50)),
        ("page=01", (1, 50)),
        ("page=1%0A", (1, 50)),
        ("page=1%00", (1, 50)),
        ("page=184467440737095516", (184_467_440_737_095_516, 50)),
        ("page=20", (20, 50)),
        ("per_page=5000", (1, 5000)),
        ("per_page=1.5", (1, 1)),
        ("per_page=10abc", (1, 10)),
        ("page=1&page=2", (2, 50)),
        ("page=0&page=2", (2, 50)),
        ("&&=1&page=2", (2, 50)),
        (
            "page=9223372036854775807&per_page=1",
            (9_223_372_036_854_775_807, 1),
        ),
    ] {
        let page = packages(query).unwrap().page;
        assert_eq!((page.number(), page.per_page()), expected, "{query}");
    }
}

/// The refused values of `docs/reference/query-parameters.md#integers`,
/// `docs/reference/query-parameters.md#odd-input` and `docs/reference/query-parameters.md#unknown-parameters`.
#[test]
fn wrong_queries_are_refused_with_the_messages_of_current() {
    const PAGE: &str = "Page must be a positive integer";
    const PER_PAGE: &str = "Per page must be a positive integer";
    const BETWEEN: &str = "Per page must be between 1 and 5000";
    let huge = format!("{BETWEEN}, {MAXIMUM_MESSAGE}");
    let both = format!("{PAGE}, {PER_PAGE}");
    let page_between = format!("{PAGE}, {BETWEEN}");
    let foo = format!("Unknown query parameter(s): 'foo'. {VALID_PARAMETERS}");
    let two = format!("Unknown query parameter(s): 'invalid', 'bad'. {VALID_PARAMETERS}");
    let page_foo = format!("{PAGE}, {foo}");
    for (query, text) in [
        ("page=0", PAGE),
        ("page=-1", PAGE),
        ("page=abc", PAGE),
        ("page=a+string", PAGE),
        ("page=", PAGE),
        ("page=0x10", PAGE),
        ("page=_1", PAGE),
        ("page=%2B+1", PAGE),
        ("page=%EF%BC%91", PAGE),
        ("page[]=1", PAGE),
        ("page[]=", PAGE),
        ("page[a]=1", PAGE),
        ("page=99999999999999999999", MAXIMUM_MESSAGE),
        ("page=184467440737095517", MAXIMUM_MESSAGE),
        ("page=9223372036854775807&per_page=2", MAXIMUM_MESSAGE),
        ("per_page=0", PER_PAGE),
        ("per_page=-1", PER_PAGE),
        ("per_page=abc", PER_PAGE),
        ("per_page=", PER_PAGE),
        ("per_page[]=1", PER_PAGE),
        ("per_page=5001", BETWEEN),
        ("per_page=9999999999", BETWEEN),
        ("per_page=9999999999999999999999", &huge),
        ("page=0&per_page=0", &both),
        ("page=0&per_page=5001", &page_between),
        ("foo=1", &foo),
        ("foo[]=1", &foo),
        ("foo[a]=1", &foo),
        ("foo", &foo),
        ("foo=1&page=0", &page_foo),
        ("invalid=thing&bad=stuff", &two),
        ("invalid=thing&bad=stuff&invalid=again", &two),
        ("order_by=+created_at", ORDER_BY_MESSAGE),
        ("order_by=name", ORDER_BY_MESSAGE),
        ("order_by=id", ORDER_BY_MESSAGE),
        ("order_by=12312", ORDER_BY_MESSAGE),
        ("order_by=*created_at", ORDER_BY_MESSAGE),
        ("order_by=created_at,updated_at", ORDER_BY_MESSAGE),
        ("order_by=-", ORDER_BY_MESSAGE),
        ("order_by=CREATED_AT", ORDER_BY_MESSAGE),
        ("order_by=--created_at", ORDER_BY_MESSAGE),
        ("order_by=created_at%0A", ORDER_BY_MESSAGE),
        ("order_by[]=created_at", ORDER_BY_MESSAGE),
        ("order_by[]", ORDER_BY_MESSAGE),
        ("order_by[a]=created_at", ORDER_BY_MESSAGE),
        ("states[x]=READY", "States must be an array"),
        ("guids[x]=1", "Guids must be an array"),
        ("types[x]=1", "Types must be an array"),
        ("app_guids[x]=1", "App guids must be an array"),
        ("space_guids[x]=1", "Space guids must be an array"),
        (
            "organization_guids[x]=1",
            "Organization guids must be an array",
        ),
    ] {
        assert_eq!(messages(packages(query)), text, "{query}");
    }
    for name in [
        "package_guid",
        "process_guid",
        "format",
        "action",
        "controller",
        "%25%7Bx%7D",
    ] {
        let shown = name.replace("%25%7B", "%{").replace("%7D", "}");
        assert_eq!(
            messages(packages(&format!("{name}=x"))),
            format!("Unknown query parameter(s): '{shown}'. {VALID_PARAMETERS}")
        );
    }
    for query in [
        "states=%zz",
        "created_ats=A&created_ats[gt]=B",
        "states=%FF",
        "states=%25FF",
        "guids=a%00",
    ] {
        assert_eq!(
            packages(query).unwrap_err(),
            ApiError::InvalidRequest,
            "{query}"
        );
    }
}

/// See `docs/reference/query-parameters.md#order-of-messages`.
#[test]
fn order_of_messages_does_not_depend_on_the_query() {
    let query = "organization_guids[a]=1&space_guids[a]=1&app_guids[a]=1&types[a]=1&states[a]=1&foo=1\
                 &label_selector=&guids[a]=1&updated_ats=x&created_ats=x&order_by=x&app_guid=A\
                 &per_page=5001&page=99999999999999999999";
    let updated = TIMESTAMP_MESSAGE.replace("Created", "Updated");
    assert_eq!(
        messages(packages(query)),
        format!(
            "Per page must be between 1 and 5000, {MAXIMUM_MESSAGE}, {ORDER_BY_MESSAGE}, {TIMESTAMP_MESSAGE}, {updated}, Guids must be an array, \
             Missing label_selector value, Unknown query parameter(s): 'foo'. {VALID_PARAMETERS}, States must be an array, \
             Types must be an array, App guids must be an array, Space guids must be an array, \
             Organization guids must be an array, \
             Unknown query parameter(s): 'app_guids', 'organization_guids', 'space_guids'"
        )
    );
}

/// See `docs/reference/query-parameters.md#comma-lists`.
#[test]
fn comma_lists_become_filters() {
    for (query, expected) in [
        ("states=", &[""][..]),
        ("states=READY", &["READY"]),
        ("states=READY,", &["READY", ""]),
        ("states=,READY", &["", "READY"]),
        ("states=READY,,FAILED", &["READY", "", "FAILED"]),
        ("states=READY,+FAILED", &["READY", "FAILED"]),
        ("states=READY,%0A%09+FAILED", &["READY", "FAILED"]),
        ("states=+READY,FAILED+", &[" READY", "FAILED "]),
        ("states=READY,++,FAILED", &["READY", "", "FAILED"]),
        ("states=bogus", &["bogus"]),
        ("states=ready", &["ready"]),
        ("states=READY%2CFAILED", &["READY", "FAILED"]),
        ("states=READY%252CFAILED", &["READY,FAILED"]),
        ("states=READY&states=FAILED", &["FAILED"]),
        ("states[]=READY", &["[\"READY\"]"]),
        ("states[]=foo&states[]=bar", &["[\"foo\"", "\"bar\"]"]),
        ("states[]", &["[]"]),
        ("states[][a]=1", &["[{\"a\"=>\"1\"}]"]),
        ("states=a%2Bb", &["a+b"]),
        ("states=100%25", &["100%"]),
    ] {
        let (name, values) = only_filter(packages(query));
        assert_eq!(
            (name.as_str(), values),
            ("states", expected.iter().map(ToString::to_string).collect()),
            "{query}"
        );
    }
    for name in [
        "states",
        "types",
        "guids",
        "app_guids",
        "space_guids",
        "organization_guids",
    ] {
        assert_eq!(only_filter(packages(name)).0, "nothing");
        assert_eq!(
            only_filter(packages(&format!("{name}=1,2"))),
            (name.to_owned(), vec!["1".to_owned(), "2".to_owned()])
        );
    }
}

/// See `docs/reference/query-parameters.md#odd-input`.
#[test]
fn order_by_has_a_sign_and_a_column() {
    for (query, name, descending) in [
        ("order_by=created_at", "created_at", false),
        ("order_by=%2Bcreated_at", "created_at", false),
        ("order_by=-updated_at", "updated_at", true),
    ] {
        let order = packages(query).unwrap().order.unwrap();
        assert_eq!((order.order.name, order.descending), (name, descending));
    }
    assert_eq!(packages("order_by=").unwrap().order, None);
}

/// See `docs/reference/query-parameters.md#parameters-of-packages`.
#[test]
fn all_parameters_are_accepted_together() {
    let query = "page=2&per_page=10&order_by=updated_at&states[]=foo&states[]=bar&types[]=a&guids[]=b&app_guids[]=c\
                 &space_guids[]=d&organization_guids[]=e&label_selector=foo,bar\
                 &created_ats=2020-01-01T00:00:00Z,2020-01-02T00:00:00Z&updated_ats[gt]=2020-01-01T00:00:00Z";
    assert_eq!(packages(query).unwrap().conditions.len(), 10);
}

/// See `docs/reference/query-parameters.md#app_guid`.
#[test]
fn app_guid_selects_the_list_of_that_app() {
    let request = parse_packages("app_guid=G&states=READY").unwrap();
    assert_eq!(request.app.as_deref(), Some("G"));
    assert_eq!(
        next_href(Ok(request.list.clone())),
        "/v3/apps/G/packages?page=2&per_page=50&states=READY"
    );
    let filters: Vec<_> = request.list.conditions.iter().collect();
    assert!(
        matches!(filters[1], Condition::OneOf(filter, values) if filter.name == "app_guids" && values == &["G"])
    );

    let text = "Unknown query parameter(s): 'app_guids', 'organization_guids', 'space_guids'";
    let query = "space_guids=1&organization_guids=2&app_guids=";
    assert_eq!(
        messages(parse_packages(&format!("app_guid=G&{query}"))),
        text
    );
    assert_eq!(messages(parse_app_packages("G", query)), text);
    assert_eq!(
        messages(parse_app_packages("G", "space_guids=1")),
        "Unknown query parameter(s): 'space_guids'"
    );
    assert_eq!(
        messages(parse_app_packages("G", "foo")),
        format!("Unknown query parameter(s): 'foo'. {VALID_PARAMETERS}")
    );
    let request = parse_app_packages("G", "app_guid=other&guids=G1,G2").unwrap();
    assert_eq!(request.app.as_deref(), Some("G"));
    assert_eq!(
        next_href(Ok(request.list)),
        "/v3/apps/G/packages?guids=G1%2CG2&page=2&per_page=50"
    );
    let ordered = parse_app_packages("G", "page=1&per_page=2&order_by=-created_at")
        .unwrap()
        .list;
    assert_eq!(
        next_href(Ok(ordered)),
        "/v3/apps/G/packages?order_by=-created_at&page=2&per_page=2"
    );
    assert_eq!(parse_packages("app_guid=").unwrap().app, None);
}
