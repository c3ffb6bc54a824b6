use super::*;

fn messages_for(selector: &str) -> String {
    let escaped = selector
        .replace('%', "%25")
        .replace('&', "%26")
        .replace('+', "%2B")
        .replace('\n', "%0A");
    messages(packages(&format!("label_selector={escaped}")))
}

/// Returns each requirement as `key`, `!key`, `key=[values]`, `key!=[values]`.
fn requirements(selector: &str) -> Vec<String> {
    let conditions = packages(&format!("label_selector={selector}"))
        .unwrap()
        .conditions;
    conditions
        .into_iter()
        .map(|condition| match condition {
            Condition::Label(_, label) => match (label.values, label.negated) {
                (None, false) => label.key,
                (None, true) => format!("!{}", label.key),
                (Some(values), false) => format!("{}={values:?}", label.key),
                (Some(values), true) => format!("{}!={values:?}", label.key),
            },
            other => panic!("{other:?}"),
        })
        .collect()
}

/// See `docs/reference/label-selectors.md#grammar` and `docs/reference/label-selectors.md#validation`.
#[test]
fn wrong_selectors_are_refused() {
    const INVALID: &str = "Invalid label_selector value";
    const EMPTY: &str = "key cannot be empty string";
    for (selector, text) in [
        ("", "Missing label_selector value"),
        (",", "Missing label_selector value"),
        ("foo in(a)", INVALID),
        ("foo in (a, b)", "' b' contains invalid characters"),
        ("a=b, c=d", INVALID),
        ("foo===bar", "'=bar' contains invalid characters"),
        ("a=b=c", "'b=c' contains invalid characters"),
        ("foo = bar", INVALID),
        ("! foo", INVALID),
        ("Foo In (a)", INVALID),
        ("foo ", INVALID),
        ("!", INVALID),
        ("!!foo", INVALID),
        ("foo\n", INVALID),
        ("foo=bar\n", INVALID),
        ("é", INVALID),
        ("foo not in (a)", "'foo not' contains invalid characters"),
        ("foo  in (a)", "'foo ' contains invalid characters"),
        ("foo=(a,b)", "'(a' contains invalid characters"),
        ("foo == (bar,baz)", INVALID),
        (
            "foo inn (bar,baz),foo notinn (bar,baz),foo == (bar,baz)",
            "Invalid label_selector value, Invalid label_selector value, Invalid label_selector value",
        ),
        ("foo in (a) x", INVALID),
        (" in (a)", EMPTY),
        ("a/b/c", "key has more than one '/'"),
        ("/foo", "prefix '' must be in valid dns format"),
        ("nodot/foo", "prefix 'nodot' must be in valid dns format"),
        ("-a.com/foo", "prefix '-a.com' must be in valid dns format"),
        ("a..com/foo", "prefix 'a..com' must be in valid dns format"),
        (
            "a_b.com/foo",
            "prefix 'a_b.com' must be in valid dns format",
        ),
        (
            "cloudfoundry.org/foo",
            "prefix 'cloudfoundry.org' is reserved",
        ),
        (
            "CloudFoundry.org/foo=1",
            "prefix 'cloudfoundry.org' is reserved",
        ),
        ("example.com/", EMPTY),
        ("/", EMPTY),
        ("<limes> in (a)", "'<limes>' contains invalid characters"),
        ("-foo", "'-foo' starts or ends with invalid characters"),
        ("foo.", "'foo.' starts or ends with invalid characters"),
        ("a=v-", "'v-' starts or ends with invalid characters"),
        ("a=-v", "'-v' starts or ends with invalid characters"),
        ("a!=.v", "'.v' starts or ends with invalid characters"),
        (
            "a notin (v.)",
            "'v.' starts or ends with invalid characters",
        ),
        ("a=_", "'_' starts or ends with invalid characters"),
        (
            "a=<limes>,-b",
            "'<limes>' contains invalid characters, '-b' starts or ends with invalid characters",
        ),
        ("a=é", "'é' contains invalid characters"),
    ] {
        assert_eq!(messages_for(selector), text, "{selector:?}");
    }
    assert_eq!(
        messages(packages("label_selector")),
        "Missing label_selector value"
    );
    assert_eq!(messages(packages("label_selector[]=a")), INVALID);
    assert_eq!(messages(packages("label_selector[a]=a")), INVALID);
}

#[test]
fn keys_values_and_the_number_of_requirements_are_limited() {
    let long = "a".repeat(64);
    let most = "a".repeat(63);
    let label = format!("{most}.");
    let prefix_253 = format!("{}{}", label.repeat(3), "b".repeat(61));
    let prefix_254 = format!("{}{}", label.repeat(3), "b".repeat(62));
    assert_eq!(
        messages_for(&long),
        "'aaaaaaaa...' is greater than 63 characters"
    );
    assert_eq!(
        messages_for(&format!("a={long}")),
        "'aaaaaaaa...' is greater than 63 characters"
    );
    assert_eq!(messages_for(&format!("{most}={most}")), "");
    assert_eq!(messages_for(&format!("{prefix_253}/a")), "");
    assert_eq!(
        messages_for(&format!("{prefix_254}/a")),
        "prefix 'aaaaaaaa...' is greater than 253 characters"
    );
    assert!(messages_for(&format!("{long}.com/a")).ends_with("must be in valid dns format"));
    assert_eq!(messages_for(&"a,".repeat(50)), "");
    assert_eq!(
        messages_for(&"a,".repeat(51)),
        "Too many label_selector requirements (maximum is 50)"
    );
}

/// See `docs/reference/label-selectors.md#meaning`.
#[test]
fn selectors_become_requirements() {
    for (selector, expected) in [
        ("foo in (bar,baz)", &["foo=[\"bar\", \"baz\"]"][..]),
        (
            "example.com/foo in (bar,baz)",
            &["example.com/foo=[\"bar\", \"baz\"]"],
        ),
        ("foo notin (a)", &["foo!=[\"a\"]"]),
        ("foo=bar", &["foo=[\"bar\"]"]),
        ("foo==bar", &["foo=[\"bar\"]"]),
        ("foo!=bar", &["foo!=[\"bar\"]"]),
        ("foo", &["foo"]),
        ("!foo", &["!foo"]),
        ("a,,b", &["a", "b"]),
        ("foo in (,a)", &["foo=[\"\", \"a\"]"]),
        ("foo in (a,)", &["foo=[\"a\"]"]),
        ("foo=", &["foo=[]"]),
        ("foo==", &["foo=[]"]),
        ("foo in ()", &["foo=[]"]),
        ("foo!=", &["foo!=[]"]),
        ("foo notin ()", &["foo!=[]"]),
        (
            "a in (b,c),d!=e,!f",
            &["a=[\"b\", \"c\"]", "d!=[\"e\"]", "!f"],
        ),
        ("A.B-c_1", &["A.B-c_1"]),
    ] {
        assert_eq!(requirements(selector), expected, "{selector}");
    }
}
