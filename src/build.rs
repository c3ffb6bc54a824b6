//! `include_dir` does not notice a new file in `seed/` by itself.
fn main() {
    println!("cargo:rerun-if-changed=seed");
    println!("cargo:rerun-if-changed=schema.sql");
}
