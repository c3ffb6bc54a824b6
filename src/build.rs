//! Tells Cargo to rebuild when a file is added to `seed/`: `include_dir` does not notice new files.

fn main() {
    println!("cargo:rerun-if-changed=seed");
    println!("cargo:rerun-if-changed=schema.sql");
}
