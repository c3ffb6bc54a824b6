"""Rules about valid requests that an OpenAPI document cannot express."""

import schemathesis

NOT_WITHIN_AN_APP = ("app_guids", "space_guids", "organization_guids")


@schemathesis.hook
def filter_case(context, case):
    """`app_guid` cannot be combined with the filters by app, space and organization, and `current` needs it. `usernames` and
    `partial_usernames` exclude each other, and `origins` needs one of them. The largest `page` depends on `per_page`."""
    query = case.query or {}
    if str(query.get("page")).isdecimal() and int(query["page"]) >= 10**15:
        return False
    by_name = [name for name in ("usernames", "partial_usernames") if name in query]
    if len(by_name) == 2 or ("origins" in query and not by_name):
        return False
    if "current" in query and not str(query.get("app_guid", "")).strip():
        return False
    return "app_guid" not in query or not any(name in query for name in NOT_WITHIN_AN_APP)
