//! The former names, for the tests that still use them.

use super::{Output, Response, Server, WorkDir, error_2015};

pub type Bench = WorkDir;
pub type Ran = Output;

pub fn refusal(code: u32, error_code: &str, description: &str) -> String {
    error_2015(code, error_code, description)
}

impl WorkDir {
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        self.read(name)
    }

    pub fn names(&self) -> Vec<String> {
        self.file_names()
    }

    pub fn ok(&self, arguments: &[&str]) -> String {
        self.run_ok(arguments)
    }
}

impl Server {
    pub fn ask(&self, raw: impl AsRef<[u8]>) -> Response {
        self.send(raw)
    }
}
