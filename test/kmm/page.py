# SPDX-License-Identifier: MIT
"""Pages of kmm view and kmm lab: the data in them, and that nothing is missing."""
import json
import re


def read_page(path):
    """The data; prints what the page needs from elsewhere."""
    with open(path, encoding="utf-8") as f:
        page = f.read()
    data = re.search(r'id="data">\n(.*?)\n</script>', page, re.S).group(1)
    rest = page.replace(data, "").replace("http://www.w3.org/2000/svg", "")
    if re.search(r'\ssrc=|\shref=|https?:|url\((?!#)|@import', rest):
        print("needs something that is not in it")
    return json.loads(data)
