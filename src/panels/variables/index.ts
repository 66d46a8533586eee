export { type IPreviewViewProps, PreviewView } from './preview';
export { type IVariableTableProps, VariableTable } from './table';
