//! Uploads as clients send them, and the archives in them.

use std::io::Write;

/// One part of a `multipart/form-data` body.
pub enum Part<'a> {
    /// A part with a file name.
    File(&'a str, &'a [u8]),
    /// A part without one.
    Text(&'a str, &'a str),
}

/// Returns `POST target` with these parts, with a bearer token or without one if `token` is empty.
pub fn upload(target: &str, token: &str, parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for part in parts {
        let (name, file_name, content) = match part {
            Part::File(name, content) => (name, "; filename=\"package.zip\"", *content),
            Part::Text(name, text) => (name, "", text.as_bytes()),
        };
        body.extend_from_slice(
            format!(
                "--x-boundary\r\nContent-Disposition: form-data; name=\"{name}\"{file_name}\r\n\r\n"
            )
            .as_bytes(),
        );
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--x-boundary--\r\n");
    let authorization = match token {
        "" => String::new(),
        token => format!("Authorization: bearer {token}\r\n"),
    };
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: example.org\r\n{authorization}Content-Type: multipart/form-data; boundary=x-boundary\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}

/// Returns a zip archive of these files, which are not compressed.
pub fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
    for (path, content) in files {
        let file = archive.new_file(*path);
        let (mut entry, config) = file
            .compression_method(rawzip::CompressionMethod::STORE)
            .unix_permissions(0o644)
            .start()
            .expect("an entry begins");
        let mut data = config.wrap(&mut entry);
        data.write_all(content).expect("data is written");
        let (_, descriptor) = data.finish().expect("data ends");
        entry.finish(descriptor).expect("an entry ends");
    }
    archive.finish().expect("an archive ends")
}
