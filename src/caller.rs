//! Who asks, as far as a listing needs to know: not a token, not a scope, only what may be seen.

/// What a caller may see.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// Every row there is.
    Everything,
    /// What the roles of one user show.
    Member(Member),
}

/// A user whose roles decide. One that the database does not know sees nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    /// The user's guid: `user_id`, or else `client_id`, of the token.
    pub user: String,
    /// What the edition says about their roles.
    pub rules: &'static AccessRules,
}

/// What an edition of the API says about who may see what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccessRules {
    /// The scopes, beside `cloud_controller.admin`, that read everything and need no `cloud_controller.read`.
    pub global_readers: &'static [&'static str],
    /// The space roles that show a space's apps and packages, as the database spells them.
    pub space_roles: &'static [&'static str],
}
