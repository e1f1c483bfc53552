"""What people call items: names without the digits of their content, unless these tell two apart."""

from target_signals.item_names import name_of, names_of


def test_people_read_the_digits_of_a_content_where_they_have_to():
    twins = ["a.png-00000000", "a.png-0000000f"]
    assert names_of([*twins, "b.png-00000000"]) == dict(zip(twins, twins, strict=True)) | {"b.png-00000000": "b.png"}
    assert name_of("0064") == "0064"
    assert name_of("scan-2024.png-0123abcd") == "scan-2024.png"
