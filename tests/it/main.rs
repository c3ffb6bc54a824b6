//! What the program does, seen from outside.

mod tokens;
mod work;
