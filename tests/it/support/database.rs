//! The database of a test: a file, or a schema of its own in the PostgreSQL server that `CF_PACKAGES_TEST_POSTGRES` names.
//!
//! The variable holds the URL of a database whose role may create schemas. Without it, or without the feature `postgres`,
//! tests run over files alone.

use cf_packages::store::{Location, StoreError, Transaction};

/// The variable that names the server.
const VARIABLE: &str = "CF_PACKAGES_TEST_POSTGRES";

/// Returns the URL of the server on which tests run, if one is named.
pub fn server_url() -> Option<String> {
    let url = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty())?;
    if !cfg!(feature = "postgres") {
        panic!("`{VARIABLE}` needs `--features postgres`");
    }
    Some(url)
}

/// Returns the URL of the server, or says that the test is skipped.
#[cfg(feature = "postgres")]
pub fn server_or_skip(test: &str) -> Option<String> {
    let url = server_url();
    if url.is_none() {
        eprintln!("skipped: {test} needs a PostgreSQL server, named by `{VARIABLE}`");
    }
    url
}

/// A schema of a test, which is dropped with it.
#[cfg(feature = "postgres")]
pub struct Schema {
    name: String,
    server: String,
    url: String,
}

#[cfg(feature = "postgres")]
impl Schema {
    /// Creates a schema in the server, if there is one.
    pub fn new() -> Option<Self> {
        let server = server_url()?;
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        let separator = if server.contains('?') { '&' } else { '?' };
        let schema = Self {
            url: format!("{server}{separator}options=-csearch_path%3D{name}"),
            name,
            server,
        };
        schema.run_at_server(&format!("create schema {}", schema.name));
        Some(schema)
    }

    /// Returns the URL with which the program uses this schema alone.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn location(&self) -> Location {
        Location::parse(self.url.clone().into()).expect("the URL of a schema")
    }

    /// Returns a connection that uses this schema.
    pub fn connect(&self) -> postgres::Client {
        postgres::Client::connect(&self.url, postgres::NoTls).expect("a connection")
    }

    fn run_at_server(&self, sql: &str) {
        let mut client = postgres::Client::connect(&self.server, postgres::NoTls)
            .expect("the server of the tests can be reached");
        client.batch_execute(sql).expect("the server takes it");
    }
}

#[cfg(feature = "postgres")]
impl Drop for Schema {
    fn drop(&mut self) {
        let sql = format!("drop schema {} cascade", self.name);
        let server = self.server.clone();
        // Not on an async thread, on which a client may not wait.
        let dropped = std::thread::spawn(move || {
            let mut client = postgres::Client::connect(&server, postgres::NoTls)?;
            client.batch_execute(&sql)
        });
        if let Ok(Err(error)) = dropped.join() {
            eprintln!("a schema could not be dropped: {error}");
        }
    }
}

/// What stands for a schema in a program without the feature.
#[cfg(not(feature = "postgres"))]
pub enum Schema {}

#[cfg(not(feature = "postgres"))]
impl Schema {
    pub fn new() -> Option<Self> {
        assert!(server_url().is_none(), "asserted there");
        None
    }

    pub fn url(&self) -> &str {
        match *self {}
    }

    pub fn location(&self) -> Location {
        match *self {}
    }
}

/// A database of a test in this process.
pub struct TestDatabase {
    name: String,
    folder: tempfile::TempDir,
    _schema: Option<Schema>,
}

impl TestDatabase {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let schema = Schema::new();
        let name = match &schema {
            Some(schema) => schema.url().to_owned(),
            None => {
                let path = folder.path().join("packages.db");
                path.to_str().expect("a path in UTF-8").to_owned()
            }
        };
        Self {
            name,
            folder,
            _schema: schema,
        }
    }

    /// Returns a folder of the test.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Returns the path or the URL.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn location(&self) -> Location {
        Location::parse(self.name.clone().into()).expect("a location")
    }
}

/// Lets PostgreSQL continue after ids that a test chose itself. A file does so by itself.
pub fn note_chosen_ids(transaction: &Transaction<'_>) {
    if server_url().is_none() {
        return;
    }
    for table in ["organizations", "spaces", "apps"] {
        let sql =
            format!("select setval(pg_get_serial_sequence('{table}', 'id'), max(id)) from {table}");
        // Fails in a file, whose transaction goes on.
        let _ = transaction.rows(&sql, &[], |_| Ok::<_, StoreError>(()));
    }
}
