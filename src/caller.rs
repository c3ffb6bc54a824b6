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
    /// The space roles that show a space's apps and packages in this edition.
    pub space_roles: &'static [&'static str],
}
