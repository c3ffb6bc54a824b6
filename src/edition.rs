//! What one edition of the API says: each its requests, its documents, its errors. An edition is a folder.
//!
//! `Edition` is matched in this file alone: a request is parsed, a document and an error are presented, and who reads
//! what by which scope or role.

pub mod current;
pub mod of_2015;

mod json;
mod query;

use std::fmt;

use crate::caller::AccessRules;
use crate::error::ApiError;
use crate::listing::request::ListRequest;
use crate::resource::{Package, PackageRow, Resource};
use crate::store::StoreError;
use current::Shown;

/// The edition that a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Edition {
    /// The API document, to the letter.
    #[value(name = "2015")]
    Of2015,
    /// What Cloud Controllers answer today.
    Current,
}

/// Takes the rows of a page one after the other.
pub type Each<'a, R> = dyn FnMut(<R as Resource>::Row<'_>) -> Result<(), StoreError> + 'a;

/// A list of packages, asked for.
#[derive(Clone, Debug)]
pub struct PackagesRequest {
    /// What is asked; where it is of one app, its path and conditions say so already.
    pub list: ListRequest,
    /// The guid of the app that has to be there and to be seen, or else the answer is 404 `App not found`.
    pub app: Option<String>,
}

/// Scheme and host that absolute hrefs begin with, without a slash at the end: `http://127.0.0.1:8080`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Site(pub String);

impl Site {
    /// The site as it is.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The site with `path` behind it.
    pub(crate) fn text(&self, path: &str) -> String {
        format!("{self}{path}")
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Edition {
    /// `GET /v3/packages`, or `GET /v3/apps/:guid/packages` with that `app`: the query, checked once.
    pub fn packages_request(
        self,
        app: Option<&str>,
        query: &str,
    ) -> Result<PackagesRequest, ApiError> {
        match self {
            Self::Of2015 => of_2015::request::packages(app, query),
            Self::Current => match app {
                None => current::request::packages(query),
                Some(app) => current::request::app_packages(app, query),
            },
        }
    }

    /// A page of packages. `rows` lends them in their order.
    pub fn packages(
        self,
        site: &Site,
        request: &ListRequest,
        total: u64,
        rows: impl FnOnce(&mut Each<'_, Package>) -> Result<(), StoreError>,
    ) -> Result<Vec<u8>, StoreError> {
        match self {
            Self::Of2015 => of_2015::presenter::packages(request, total, rows),
            Self::Current => current::list::<Package>(site, request, total, rows),
        }
    }

    /// One package.
    pub fn package(self, site: &Site, row: &PackageRow<'_>) -> Vec<u8> {
        match self {
            Self::Of2015 => of_2015::presenter::package(row),
            Self::Current => {
                let mut out = Vec::with_capacity(1024);
                Package::show(row, site, &mut out);
                out
            }
        }
    }

    /// A refusal.
    pub fn error(self, error: &ApiError) -> Vec<u8> {
        match self {
            Self::Of2015 => of_2015::error(error),
            Self::Current => current::error(error),
        }
    }

    /// Whether answers name the host that was asked.
    pub fn has_absolute_hrefs(self) -> bool {
        match self {
            Self::Of2015 => false,
            Self::Current => true,
        }
    }

    /// The OpenAPI document of what is served.
    pub fn openapi(self) -> &'static [u8] {
        match self {
            Self::Of2015 => include_bytes!("edition/of_2015/openapi.json"),
            Self::Current => include_bytes!("edition/current/openapi.json"),
        }
    }

    /// Which scopes and roles read what.
    pub fn rules(self) -> &'static AccessRules {
        match self {
            Self::Of2015 => &of_2015::RULES,
            Self::Current => &current::RULES,
        }
    }
}
