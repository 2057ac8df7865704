// As score.c, in Rust: rustc -O score.rs -C link-arg=adult.o. The sizes and columns are those of adult.h.
use std::ffi::{c_char, CString};
use std::io::BufRead;

const X: usize = 105;

#[repr(C)]
struct Columns {
    numbers: [f64; 5],
    categories: [*const c_char; 7],
}

#[repr(align(64))]
struct Workspace([u8; 1 << 16]);

extern "C" {
    fn adult_score_encode(columns: *const Columns, x: *mut f32) -> i32;
    fn adult_score(x: *const f32, r: *const f32, result: *mut f32, workspace: *mut u8) -> i32;
}

fn main() {
    let preference: Vec<f32> = std::env::args().skip(1).map(|word| word.parse().expect("a number")).collect();
    assert_eq!(preference.len(), 3, "how much does each of three objectives matter?");
    let mut workspace = Box::new(Workspace([0; 1 << 16]));
    for line in std::io::stdin().lock().lines().skip(1) {
        let line = line.unwrap();
        let fields: Vec<&str> = line.split(',').map(|field| field.trim()).collect();
        let texts = [1, 3, 5, 6, 7, 8, 13].map(|i| CString::new(fields[i]).unwrap());
        let person = Columns {
            numbers: [0, 4, 10, 11, 12].map(|i| fields[i].parse().expect("a number")),
            categories: texts.each_ref().map(|text| text.as_ptr()),
        };
        let (mut row, mut score) = ([0f32; X], 0f32);
        unsafe {
            assert_eq!(adult_score_encode(&person, row.as_mut_ptr()), 0);
            assert_eq!(adult_score(row.as_ptr(), preference.as_ptr(), &mut score, workspace.0.as_mut_ptr()), 0);
        }
        println!("{score}");
    }
}
