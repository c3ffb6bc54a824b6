"""What an OpenAPI document cannot say of the requests that are valid."""

import schemathesis

WITHIN_NO_APP = ("app_guids", "space_guids", "organization_guids")


@schemathesis.hook
def filter_case(context, case):
    """No parameter can exclude another: `app_guid`, the packages of one app, refuses filters by what apps lie in."""
    return "app_guid" not in case.query or not any(name in case.query for name in WITHIN_NO_APP)
