use super::*;

fn page(query: &str) -> Result<(u64, u32), ApiError> {
    let list = parse_list("/v3/packages", query)?;
    assert_eq!(list.path, "/v3/packages");
    assert_eq!((list.order, &list.echo), (None, &Echo::default()));
    assert!(list.conditions.is_empty());
    Ok((list.page.number(), list.page.per_page()))
}

/// The accepted values of `docs/reference/query-parameters.md#integers`, column `2015`.
#[test]
fn pages_are_parsed() {
    for (query, expected) in [
        ("", (1, 50)),
        ("page", (1, 50)),
        ("per_page&page", (1, 50)),
        ("page=%2B1", (1, 50)),
        ("page=01", (1, 50)),
        ("page=1%0A", (1, 50)),
        ("page=1&page=2", (2, 50)),
        ("page[a]=1&page=2", (2, 50)),
        ("page=3;per_page=7", (3, 7)),
        ("per_page=5000", (1, 5000)),
        ("page=184467440737095516", (184_467_440_737_095_516, 50)),
        ("page=184467440737095517", (184_467_440_737_095_517, 50)),
        (
            "page=9223372036854775808&per_page=1",
            (9_223_372_036_854_775_808, 1),
        ),
        ("&;&=1&page=2", (2, 50)),
    ] {
        assert_eq!(page(query), Ok(expected), "{query}");
    }
    let zeros = format!("page={}7", "0".repeat(100_000));
    assert_eq!(page(&zeros), Ok((7, 50)));
}

/// The refused values of `docs/reference/query-parameters.md#integers` and
/// `docs/reference/query-parameters.md#odd-input`, column `2015`.
#[test]
fn wrong_queries_are_refused_with_the_messages_of_2015() {
    const MAXIMUM_MESSAGE: &str =
        "Maximum result (page * per_page) must be less than 9223372036854775807";
    for (query, text) in [
        ("page=0", "Page must be greater than 0"),
        ("page=-1", "Page must be greater than 0"),
        ("page=-0", "Page must be greater than 0"),
        ("page=abc", "Page is not a number"),
        ("page=", "Page is not a number"),
        ("page=+", "Page is not a number"),
        ("page=1.5", "Page must be an integer"),
        ("page=1.0", "Page must be an integer"),
        ("page=1e2", "Page must be an integer"),
        ("page=1_0", "Page must be an integer"),
        ("page=2abc", "Page is not a number"),
        ("page=0x10", "Page is not a number"),
        ("page=+1", "Page must be an integer"),
        ("page=99999999999999999999", MAXIMUM_MESSAGE),
        ("page=184467440737095518", MAXIMUM_MESSAGE),
        ("page=9223372036854775809&per_page=1", MAXIMUM_MESSAGE),
        ("per_page=0", "Per page must be greater than 0"),
        ("per_page=-1", "Per page must be greater than 0"),
        ("per_page=5001", "Per page must be between 1 and 5000"),
        ("per_page=9999999999", "Per page must be between 1 and 5000"),
        ("per_page=abc", "Per page is not a number"),
        ("per_page=", "Per page is not a number"),
        ("per_page=1.5", "Per page must be an integer"),
        (
            "per_page=9999999999999999999999",
            "Per page must be between 1 and 5000",
        ),
        (
            "page=99999999999999999999&per_page=99999999999999999999",
            "Per page must be between 1 and 5000",
        ),
        (
            "page=0&per_page=0",
            "Page must be greater than 0, Per page must be greater than 0",
        ),
        ("page=0&per_page=5001", "Page must be greater than 0"),
        ("foo=1", "Unknown query parameter(s): 'foo'"),
        (
            "invalid=thing&bad=stuff",
            "Unknown query parameter(s): 'invalid', 'bad'",
        ),
        ("foo[]=1", "Unknown query parameter(s): 'foo'"),
        ("foo[a]=1&foo[b]=2", "Unknown query parameter(s): 'foo'"),
        ("foo", "Unknown query parameter(s): 'foo'"),
        ("b=1;a=2;b=3", "Unknown query parameter(s): 'b', 'a'"),
        (
            "per_page=x&foo=1&page=0",
            "Unknown query parameter(s): 'foo', Page must be greater than 0, Per page is not a number",
        ),
        ("page[]=1", "Page is not a number"),
        ("page[]=", "Page is not a number"),
        ("page[a]=1", "Page is not a number"),
        (
            "order_by=created_at",
            "Unknown query parameter(s): 'order_by'",
        ),
        ("states=READY", "Unknown query parameter(s): 'states'"),
        (
            "created_ats[gt]=x",
            "Unknown query parameter(s): 'created_ats'",
        ),
        (
            "label_selector=a",
            "Unknown query parameter(s): 'label_selector'",
        ),
        ("app_guid=x", "Unknown query parameter(s): 'app_guid'"),
    ] {
        assert_eq!(page(query), Err(ApiError::BadQuery(text.into())), "{query}");
    }
    assert_eq!(page("page=%zz"), Err(ApiError::InvalidRequest));
    assert_eq!(page("page=%FF"), Err(ApiError::InvalidRequest));
    assert_eq!(page("page=1&page[a]=2"), Err(ApiError::InvalidRequest));
    let long = format!("page={}", "9".repeat(100_000));
    assert_eq!(page(&long), Err(ApiError::BadQuery(MAXIMUM_MESSAGE.into())));
}
