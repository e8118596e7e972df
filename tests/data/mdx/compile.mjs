// Reads a list of MDX sources as JSON on standard input; writes for each what @mdx-js/mdx makes of it: the text of its
// Markdown, and the page as HTML, or the error. The argument is the folder that holds node_modules.
import {readFileSync} from 'node:fs'
import {pathToFileURL} from 'node:url'

const {createProcessor, evaluate} = await import(
  pathToFileURL(`${process.argv[2]}/node_modules/@mdx-js/mdx/index.js`)
)
const Fragment = Symbol('Fragment')
const text = (node) =>
  node.type === 'text' ? [node.value] : (node.children || []).flatMap(text)
const escaped = (value) => String(value).replace(/&/g, '&amp;').replace(/</g, '&lt;')
const rendered = (children) =>
  [children].flat(9).map((child) => (child?.html ?? (child == null || child === false ? '' : escaped(child)))).join('')
const jsx = (type, props) => {
  const {children, ...rest} = props
  const inner = rendered(children)
  if (type === Fragment) return {html: inner}
  if (typeof type === 'function') return type(props)
  const attributes = Object.entries(rest)
    .filter(([, value]) => value !== false && value != null && typeof value !== 'object')
    .map(([name, value]) => ` ${name === 'className' ? 'class' : name}="${value === true ? '' : escaped(value).replace(/"/g, '&quot;')}"`)
  return {html: `<${type}${attributes.join('')}>${inner}</${type}>`}
}
const box = ({children}) => ({html: `<section>${rendered(children)}</section>`})
const components = Object.fromEntries(['Box', 'Card', 'Tabs', 'TabItem', 'Note', 'Figure'].map((name) => [name, box]))

const results = []
for (const source of JSON.parse(readFileSync(0, 'utf8'))) {
  const result = {}
  results.push(result)
  try {
    result.text = text(createProcessor().parse(source))
    const {default: Content} = await evaluate(source, {Fragment, jsx, jsxs: jsx})
    result.html = Content({components, a: ''}).html
  } catch (error) {
    result.error = String(error)
  }
}
console.log(JSON.stringify(results))
