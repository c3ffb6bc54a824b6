use super::*;

/// See `docs/reference/ordering-and-paging.md#query-string-of-hrefs`.
#[test]
fn hrefs_of_packages_repeat_known_parameters_in_order() {
    for (query, expected) in [
        ("", "page=2&per_page=50"),
        ("page=1.9&per_page=10abc", "page=2&per_page=10"),
        ("types=bits", "page=2&per_page=50&types=bits"),
        (
            "states=PROCESSING_UPLOAD",
            "page=2&per_page=50&states=PROCESSING_UPLOAD",
        ),
        ("guids=G1,G2", "guids=G1%2CG2&page=2&per_page=50"),
        ("app_guids=A1,A2", "app_guids=A1%2CA2&page=2&per_page=50"),
        (
            "space_guids=S2,S1",
            "page=2&per_page=50&space_guids=S2%2CS1",
        ),
        (
            "organization_guids=O1,O2",
            "organization_guids=O1%2CO2&page=2&per_page=50",
        ),
        (
            "label_selector=fruit=strawberry",
            "label_selector=fruit%3Dstrawberry&page=2&per_page=50",
        ),
        (
            "label_selector=a%20in%20(b,c),!d",
            "label_selector=a+in+%28b%2Cc%29%2C%21d&page=2&per_page=50",
        ),
        (
            "order_by=-created_at&per_page=2&states=READY,FAILED",
            "order_by=-created_at&page=2&per_page=2&states=READY%2CFAILED",
        ),
        (
            "order_by=created_at",
            "order_by=%2Bcreated_at&page=2&per_page=50",
        ),
        (
            "order_by=%2Bupdated_at",
            "order_by=%2Bupdated_at&page=2&per_page=50",
        ),
        ("order_by=", "page=2&per_page=50"),
        ("order_by=%20", "page=2&per_page=50"),
        ("order_by", "page=2&per_page=50"),
        (
            "created_ats[gt]=2020-05-26T18:47:01Z",
            "created_ats%5Bgt%5D=2020-05-26T18%3A47%3A01Z&page=2&per_page=50",
        ),
        (
            "updated_ats[lt]=2020-05-26T18:47:01Z&updated_ats[gte]=2019-05-26T18:47:01Z",
            "page=2&per_page=50&updated_ats%5Bgte%5D=2019-05-26T18%3A47%3A01Z&updated_ats%5Blt%5D=2020-05-26T18%3A47%3A01Z",
        ),
        ("states=", "page=2&per_page=50&states="),
        ("states", "page=2&per_page=50&states"),
        ("states=READY,", "page=2&per_page=50&states=READY%2C"),
        (
            "states=READY,+FAILED",
            "page=2&per_page=50&states=READY%2CFAILED",
        ),
        (
            "states=READY%252CFAILED",
            "page=2&per_page=50&states=READY%252CFAILED",
        ),
        (
            "states[]=READY",
            "page=2&per_page=50&states=%5B%22READY%22%5D",
        ),
        (
            "guids=a-b_c.d~e*f+g%2Bh%C3%A4",
            "guids=a-b_c.d~e%2Af+g%2Bh%C3%A4&page=2&per_page=50",
        ),
        ("app_guid=", "page=2&per_page=50"),
        ("app_guid", "page=2&per_page=50"),
        ("app_guid=+", "page=2&per_page=50"),
        (
            "types=bits&states=READY&guids=g&app_guids=a&space_guids=s&organization_guids=o&label_selector=l&order_by=-updated_at",
            "app_guids=a&guids=g&label_selector=l&order_by=-updated_at&organization_guids=o&page=2&per_page=50&space_guids=s&states=READY&types=bits",
        ),
    ] {
        assert_eq!(
            next_href(packages(query)),
            format!("/v3/packages?{expected}"),
            "{query}"
        );
    }
}

/// See `docs/reference/ordering-and-paging.md#encoding-of-hrefs`.
#[test]
fn hrefs_of_organizations_spaces_and_apps_repeat_known_parameters_in_order() {
    for (href, expected) in [
        (
            next_href(organizations("order_by=name")),
            "/v3/organizations?order_by=%2Bname&page=2&per_page=50",
        ),
        (
            next_href(organizations("names=acme&page=1&per_page=1")),
            "/v3/organizations?names=acme&page=2&per_page=1",
        ),
        (
            next_href(organizations("label_selector=!env")),
            "/v3/organizations?label_selector=%21env&page=2&per_page=50",
        ),
        (
            next_href(organizations("names[]=a")),
            "/v3/organizations?names=%5B%22a%22%5D&page=2&per_page=50",
        ),
        (
            next_href(organizations("names=a%252Cb")),
            "/v3/organizations?names=a%252Cb&page=2&per_page=50",
        ),
        (
            next_href(organizations("isolation_segment_guid=")),
            "/v3/organizations?page=2&per_page=50",
        ),
        (
            next_href(organizations("isolation_segment_guid")),
            "/v3/organizations?page=2&per_page=50",
        ),
        (
            next_href(spaces("order_by=name&organization_guids=G")),
            "/v3/spaces?order_by=%2Bname&organization_guids=G&page=2&per_page=50",
        ),
        (
            next_href(apps("include=space,space.organization")),
            "/v3/apps?include=space%2Cspace.organization&page=2&per_page=50",
        ),
        (
            next_href(apps("names=A&space_guids=G")),
            "/v3/apps?names=A&page=2&per_page=50&space_guids=G",
        ),
        (
            next_href(apps("stacks=")),
            "/v3/apps?page=2&per_page=50&stacks=",
        ),
        (
            next_href(apps("order_by=-state&lifecycle_type=docker")),
            "/v3/apps?lifecycle_type=docker&order_by=-state&page=2&per_page=50",
        ),
    ] {
        assert_eq!(href, expected);
    }
}
